"""What a notebook server finds in its environment. Built from nothing: nothing of the operator's is in it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from divebell.database import role_of
from divebell.database.connection import DATABASE
from divebell.event import Event, Ports, State
from divebell.event.state import STATE_VARIABLE

PERSON_VARIABLE = "DIVEBELL_PERSON"
SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")


@dataclass(frozen=True)
class Volunteer:
    """Who a notebook server is started for."""

    name: str
    home: Path
    password: str = field(repr=False)


def variables(event: Event, state: State, ports: Ports, portal: str, who: Volunteer) -> dict[str, str]:
    """Give the environment of one volunteer's server, JupyterHub's own variables left out."""
    return {
        **_account(who),
        **_database(ports, who),
        **_workspace(event, state, portal, who),
    }


def _account(who: Volunteer) -> dict[str, str]:
    packages = who.home / ".venv" / "bin"
    return {
        "HOME": str(who.home),
        "USER": who.name,
        "LOGNAME": who.name,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "PATH": ":".join((str(packages), str(Path(sys.prefix) / "bin"), *SYSTEM_PATH)),
    }


def _database(ports: Ports, who: Volunteer) -> dict[str, str]:
    role = role_of(who.name)
    address = f"127.0.0.1:{ports.postgres}/{DATABASE}"
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(ports.postgres),
        "PGDATABASE": DATABASE,
        "PGUSER": role,
        "PGPASSWORD": who.password,
        "PGAPPNAME": "notebook",
        "PGCONNECT_TIMEOUT": "10",
        "DATABASE_URL": f"postgresql+psycopg://{role}:{quote(who.password, safe='')}@{address}",
    }


def _workspace(event: Event, state: State, portal: str, who: Volunteer) -> dict[str, str]:
    return {
        STATE_VARIABLE: str(state.folder),
        PERSON_VARIABLE: who.name,
        "DIVEBELL_URL": portal,
        "DIVEBELL_EVENT": event.name,
        "DIVEBELL_DESCRIPTION": event.description or "",
        "DIVEBELL_CHECKOUT": str(state.checkout),
        "DIVEBELL_DATA": event.data.folder,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONNOUSERSITE": "1",
    }
