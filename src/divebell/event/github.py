"""The section of the event file that says who of GitHub may sign in, and the rules for its values."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from divebell.event import values
from divebell.event.section import Section

PUBLIC_GITHUB = "https://github.com"
LOGIN_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?$"
TEAM_PATTERN = r"^[A-Za-z0-9](?:[A-Za-z0-9-]{0,98}[A-Za-z0-9])?/[A-Za-z0-9_.-]{1,100}$"
CLIENT_PATTERN = r"^[A-Za-z0-9._-]{8,100}$"
_ADDRESS_PATTERN = r"^(?:https://[A-Za-z0-9.-]+(?::\d+)?|http://(?:localhost|127\.0\.0\.1)(?::\d+)?)$"


def login(value: str) -> str:
    """Check the name of an account of GitHub: a person's or an organisation's."""
    if re.fullmatch(LOGIN_PATTERN, value):
        return value
    raise values.refuse(
        f"found {value!r}, expected a name as in github.com/NAME{_meant(value, LOGIN_PATTERN)}"
    )


def team(value: str) -> str:
    """Check the name of a team together with its organisation's."""
    if re.fullmatch(TEAM_PATTERN, value):
        return value
    raise values.refuse(
        f"found {value!r}, expected organisation/team, as in github.com/orgs/ORGANISATION/teams/TEAM"
        f"{_meant(value, TEAM_PATTERN)}"
    )


def client_id(value: str) -> str:
    """Check the client ID of an OAuth app."""
    if re.fullmatch(CLIENT_PATTERN, value):
        return value
    raise values.refuse(f"found {value!r}, expected the client ID that GitHub shows for the OAuth app")


def address(value: str) -> str:
    """Check the address of a GitHub; what people sign in with goes there, so it is encrypted."""
    if re.fullmatch(_ADDRESS_PATTERN, value):
        return value
    close = value.strip().rstrip("/")
    hint = f"; did you mean '{close}'?" if re.fullmatch(_ADDRESS_PATTERN, close) else ""
    raise values.refuse(f"found {value!r}, expected an address such as https://github.example.org{hint}")


def _meant(value: str, pattern: str) -> str:
    """Suggest what was probably meant: without @, without the address in front, a slash for a colon."""
    close = re.sub(r"^(?:https?://)?(?:www\.)?github\.com/", "", value.strip()).strip("@/ ")
    close = re.sub(r"^orgs/", "", close).replace("/teams/", "/")
    if pattern == TEAM_PATTERN:
        close = re.sub(r"\s+", "-", close.replace(":", "/"))
    return f"; did you mean '{close}'?" if re.fullmatch(pattern, close) else ""


_Login = Annotated[str, AfterValidator(login), WithJsonSchema({"type": "string", "pattern": LOGIN_PATTERN})]
_Team = Annotated[str, AfterValidator(team), WithJsonSchema({"type": "string", "pattern": TEAM_PATTERN})]
_Client = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    AfterValidator(client_id),
    WithJsonSchema({"type": "string", "pattern": CLIENT_PATTERN}),
]
_Address = Annotated[
    str, AfterValidator(address), WithJsonSchema({"type": "string", "pattern": _ADDRESS_PATTERN})
]


class GitHub(Section):
    """Who of GitHub may sign in: members of the organisations or teams, or people by name."""

    client_id: _Client = Field(
        description="Client ID of the OAuth app; its secret is given with `divebell secrets set`."
    )
    organisations: tuple[_Login, ...] = Field(
        (), strict=False, description="Organisations whose members may sign in."
    )
    teams: tuple[_Team, ...] = Field(
        (), strict=False, description="Teams whose members may sign in, as `organisation/team`."
    )
    people: tuple[_Login, ...] = Field((), strict=False, description="People who may sign in, by login.")
    address: _Address = Field(
        PUBLIC_GITHUB, description="Address of GitHub, or of an own GitHub Enterprise Server."
    )

    @model_validator(mode="after")
    def _never_everyone(self) -> GitHub:
        if not (self.organisations or self.teams or self.people):
            raise values.refuse(
                "expected `organisations`, `teams` or `people`: without them everyone on GitHub could sign in"
            )
        return self
