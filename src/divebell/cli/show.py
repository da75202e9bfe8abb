"""How a running event is shown on a terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from divebell.event import Containers, Event, Secrets
from divebell.event.model import SignIn
from divebell.local.health import PartStatus
from divebell.local.running import Running


def parts_table(parts: tuple[PartStatus, ...]) -> Table:
    """Give a table with a line for each part: its name, whether it answers, and what it says."""
    table = Table.grid(padding=(0, 2))
    for part in parts:
        mark = (
            Text("ready", "green") if part.ready else Text("not well" if part.answers else "away", "yellow")
        )
        table.add_row(part.name, mark, Text(part.detail, "dim"))
    return table


def summary(running: Running) -> str:
    """Give the lines an ambassador needs: address, password, ambassadors."""
    lines = [
        "",
        f"{running.event.name} is {'already ' if running.was_running else ''}up.",
        "",
        f"  Address      {running.address}",
        sign_in_line(running.event, running.secrets),
    ]
    if running.secrets.ambassadors:
        lines.append("  Ambassadors  each with an own password:")
        lines += [f"    {name:<20} {password}" for name, password in running.secrets.ambassadors.items()]
    else:
        lines.append("  Ambassadors  none (add `people: {ambassadors: [name]}` to event.yaml)")
    where = Containers.load(running.state)
    lines.append(
        f"  Notebooks    {f'in containers of {where.image}' if where else 'as processes of this machine'}"
    )
    return "\n".join([*lines, ""])


def sign_in_line(event: Event, secrets: Secrets) -> str:
    """Say what volunteers sign in with."""
    match event.people.sign_in:
        case SignIn.EVENT_PASSWORD:
            return (
                f"  Password     {secrets.event_password}   (for every volunteer, with a name of their own)"
            )
        case SignIn.ACCOUNTS:
            return "  Volunteers   each with an account: divebell people add NAME, or they ask for one"
        case SignIn.SYSTEM:
            return "  Volunteers   each with the account they have on the machine"
        case SignIn.GITHUB:
            return "  Volunteers   each with their account on GitHub"
        case SignIn.INVITATIONS:
            return "  Volunteers   each with an invitation: divebell people cards"


def summary_json(running: Running) -> dict[str, Any]:
    """Give the same facts as data."""
    return {
        "event": running.event.name,
        "address": running.address,
        "password": running.secrets.event_password,
        "ambassadors": running.secrets.ambassadors,
        "already_running": running.was_running,
        "notebooks": "containers" if Containers.load(running.state) else "processes",
        "port": running.ports.proxy,
        "changed": list(running.changed),
    }
