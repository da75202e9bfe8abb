"""The section of the event file that says who takes part and how they sign in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from divebell.event import values
from divebell.event.faults import detail, with_more
from divebell.event.github import GitHub
from divebell.event.section import Section
from divebell.event.values import NAME_PATTERN

PersonName = Annotated[
    str,
    AfterValidator(values.person_name),
    WithJsonSchema({"type": "string", "pattern": NAME_PATTERN}),
]
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_LocalTime = Annotated[
    datetime,
    BeforeValidator(values.local_time),
    WithJsonSchema({"type": "string", "pattern": values.DATE_PATTERN}),
]


class SignIn(StrEnum):
    """How volunteers prove who they are. Each kind has one module in ``hub/login``."""

    EVENT_PASSWORD = "event-password"  # noqa: S105
    INVITATIONS = "invitations"
    GITHUB = "github"
    ACCOUNTS = "accounts"
    SYSTEM = "system"


class Accounts(Section):
    """Accounts that ambassadors make, or that people ask for."""

    requests: bool = Field(
        True, description="Whether people may ask for an account; an ambassador approves each."
    )


class System(Section):
    """Accounts of the machine itself, checked through PAM."""

    group: _Text | None = Field(
        None, description="Only members of this group may sign in. Left out: everybody with a login shell."
    )
    service: _Text = Field("login", description="The PAM service that checks passwords.")


class People(Section):
    """Who takes part and how they sign in."""

    sign_in: Annotated[SignIn, Field(strict=False)] = Field(
        SignIn.EVENT_PASSWORD, description="How volunteers sign in."
    )
    ambassadors: tuple[PersonName, ...] = Field(
        (), strict=False, description="Names of the people who run the event; each gets an own password."
    )
    expected: int = Field(50, ge=1, le=500, description="How many people may sign in, at most.")
    opens: _LocalTime | None = Field(
        None,
        description="Before this only ambassadors sign in, in the event's time zone: 2021-03-05 09:00.",
    )
    closes: _LocalTime | None = Field(
        None, description="After this only ambassadors sign in, in the event's time zone."
    )
    github: GitHub | None = Field(None, description="With `sign_in: github`: who of GitHub may.")
    accounts: Accounts = Field(default_factory=Accounts, description="With `sign_in: accounts`.")
    system: System = Field(default_factory=System, description="With `sign_in: system`.")

    @field_validator("ambassadors", mode="wrap")
    @classmethod
    def _each_once(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return with_more(value, handler, _repeated_names(value))

    @model_validator(mode="after")
    def _github_says_who(self) -> People:
        if self.sign_in is SignIn.GITHUB and self.github is None:
            raise values.refuse("expected `github` with `client_id` and `organisations`, `teams` or `people`")
        if self.opens and self.closes and self.closes <= self.opens:
            raise values.refuse("expected `closes` after `opens`")
        return self


def _repeated_names(names: Any) -> Iterator[InitErrorDetails]:
    if isinstance(names, list | tuple):
        for index, name in enumerate(names):
            if isinstance(name, str) and name in names[:index]:
                yield detail((index,), f"found '{name}' a second time, expected each name once")
