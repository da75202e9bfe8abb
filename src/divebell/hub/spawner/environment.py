"""What a notebook server finds in its environment. Built from nothing: nothing of the operator's is in it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from divebell.containers import box, image
from divebell.database import role_of
from divebell.database.connection import DATABASE
from divebell.event import Containers, Event, Ports, State
from divebell.event.model import Internet
from divebell.event.state import STATE_VARIABLE

PERSON_VARIABLE = "DIVEBELL_PERSON"
SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


@dataclass(frozen=True)
class Volunteer:
    """Who a notebook server is started for."""

    name: str
    home: Path
    """As the server sees it."""
    password: str = field(repr=False)


@dataclass(frozen=True)
class Surroundings:
    """Where a server finds things: as a process of this machine, or in a container."""

    database: str
    """The address PostgreSQL answers at."""
    programs: tuple[str, ...]
    """Folders of programs before the system's."""
    checkout: str
    more: dict[str, str] = field(default_factory=dict)
    contained: bool = False

    def pages(self, ports: Ports) -> int:
        """Give the port at which the event's pages answer there."""
        return ports.inside if self.contained else ports.web


def on_this_machine(state: State) -> Surroundings:
    """Give the surroundings of a process."""
    return Surroundings(
        "127.0.0.1",
        (str(Path(sys.prefix) / "bin"),),
        str(state.checkout),
        {STATE_VARIABLE: str(state.folder)},
    )


def in_a_container(where: Containers, *, certificates: bool) -> Surroundings:
    """Give the surroundings of a container; `certificates` when it has those this machine trusts."""
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO")
    trusted = dict.fromkeys(names, box.CERTIFICATES) if certificates else {}
    return Surroundings(
        where.gateway,
        (f"{image.ENVIRONMENT}/bin", f"{image.PACKAGES}/bin"),
        box.CHECKOUT,
        {"DIVEBELL_SHARED": box.SHARED, **trusted},
        contained=True,
    )


def variables(
    event: Event, ports: Ports, portal: str, who: Volunteer, around: Surroundings
) -> dict[str, str]:
    """Give the environment of one volunteer's server, JupyterHub's own variables left out."""
    return {
        **_account(who, around),
        **_database(ports, who, around),
        **_workspace(event, portal, who, around),
        "DIVEBELL_PAGES": (pages := f"http://{around.database}:{around.pages(ports)}/services/event/"),
        **_git(event, pages, who),
        **around.more,
    }


def _git(event: Event, pages: str, who: Volunteer) -> dict[str, str]:
    reached = event.workspace.internet is Internet.ALL and event.data.repository.startswith("https://")
    return {
        "DIVEBELL_GIT": f"{pages}git/event.git",
        "DIVEBELL_MAIL": f"{who.name}@{event.address or 'localhost'}",
        "DIVEBELL_REPOSITORY": event.data.repository if reached else "",
    }


def _account(who: Volunteer, around: Surroundings) -> dict[str, str]:
    packages = who.home / ".venv" / "bin"
    return {
        "HOME": str(who.home),
        "USER": who.name,
        "LOGNAME": who.name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "PATH": ":".join((str(packages), *around.programs, *SYSTEM_PATH)),
    }


def _database(ports: Ports, who: Volunteer, around: Surroundings) -> dict[str, str]:
    role = role_of(who.name)
    address = f"{around.database}:{ports.postgres}/{DATABASE}"
    return {
        "PGHOST": around.database,
        "PGPORT": str(ports.postgres),
        "PGDATABASE": DATABASE,
        "PGUSER": role,
        "PGPASSWORD": who.password,
        "PGAPPNAME": "notebook",
        "PGCONNECT_TIMEOUT": "10",
        "DATABASE_URL": f"postgresql+psycopg://{role}:{quote(who.password, safe='')}@{address}",
    }


def _workspace(event: Event, portal: str, who: Volunteer, around: Surroundings) -> dict[str, str]:
    return {
        PERSON_VARIABLE: who.name,
        "DIVEBELL_URL": portal,
        "DIVEBELL_EVENT": event.name,
        "DIVEBELL_DESCRIPTION": event.description or "",
        "DIVEBELL_AMBASSADORS": " or ".join(event.people.ambassadors) or "whoever runs the event",
        "DIVEBELL_INTERNET": event.workspace.internet.value,
        "DIVEBELL_MEMORY": event.workspace.memory,
        "DIVEBELL_CHECKOUT": around.checkout,
        "DIVEBELL_DATA": event.data.folder,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONNOUSERSITE": "1",
    }
