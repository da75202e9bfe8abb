"""`divebell people invite`, `invitations` and `revoke`: who may come in with a link or a code."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from divebell.cli import EXIT_DONE, EXIT_USAGE
from divebell.cli.event_argument import add_event_argument, open_event
from divebell.cli.on_server import EVENT, add_on_argument, run_on
from divebell.errors import DivebellError
from divebell.event import Event, Ports, State
from divebell.event.load import event_file
from divebell.event.model import NAME_PATTERN, RESERVED_NAMES, SignIn
from divebell.event.values import DATE_PATTERN, local_time
from divebell.invitation import holds_until

ACTIONS = {
    "invite": "Invite people by name, or a table of people, with a link and a code each.",
    "invitations": "List the invitations and who came with them.",
    "revoke": "Take an invitation back.",
}
BY = "the command line"
MOST_USES, LONGEST_LABEL = 500, 60


@dataclass(frozen=True)
class Guest:
    """Who is invited: a person by name, or as many as `uses` with a label."""

    name: str | None = None
    label: str | None = None
    uses: int = 1


@dataclass(frozen=True)
class Given:
    """An invitation as it is handed to people; nobody can show it again."""

    id: str
    name: str | None
    label: str | None
    uses: int
    code: str = field(repr=False)
    link: str = field(repr=False)
    expires_at: datetime


def add_arguments(action: str, parser: argparse.ArgumentParser) -> None:
    """Add what may follow one of the actions."""
    if action == "invite":
        add_guests(parser)
    if action == "revoke":
        parser.add_argument("id", metavar="ID", help="the invitation, as `invitations` shows it")
    if action != "invite":
        add_event_argument(parser)
    add_on_argument(parser)
    parser.add_argument("--json", action="store_true", help="print facts for a program to read")


def add_guests(parser: argparse.ArgumentParser) -> None:
    """Add who is invited, and until when."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="NAME",
        help="names of people; the event's folder or its event.yaml may follow (default: this folder)",
    )
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="LABEL",
        help="invite several people with one invitation",
    )
    parser.add_argument(
        "--uses", type=uses, default=6, metavar="N", help="how many come with the invitation of a table (6)"
    )
    parser.add_argument(
        "--expires",
        metavar="WHEN",
        help="2021-03-05 18:00 in the event's time zone, or 12 h, or 3 d (when the event ends, or 14 d)",
    )


def run(args: argparse.Namespace) -> int:
    """Do it, here or on the server."""
    if args.on:
        path = names_and_path(args.words)[1] if args.action == "invite" else args.path
        return run_on(args.on, path, remote_words(args))
    match args.action:
        case "invite":
            return _invite(args)
        case "invitations":
            return _list(args.path, as_json=args.json)
        case "revoke":
            return _revoke(args.path, args.id, as_json=args.json)
        case _:
            return EXIT_USAGE


def remote_words(args: argparse.Namespace) -> list[str]:
    """Give the same command as it is typed on the server."""
    flags = ["--json"] if args.json else []
    if args.action == "invite":
        return ["people", "invite", *guest_words(args), *flags]
    return ["people", args.action, *([args.id] if args.action == "revoke" else []), EVENT, *flags]


def guest_words(args: argparse.Namespace) -> list[str]:
    """Give what `add_guests` reads, for the event on a server."""
    tables = [word for label in args.table for word in ("--table", label)]
    until = ["--expires", args.expires] if args.expires else []
    return [*names_and_path(args.words)[0], EVENT, *tables, "--uses", str(args.uses), *until]


def uses(text: str) -> int:
    """Read how many people come with one invitation."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_USES:
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST_USES}, not '{text}'")
    return int(text)


def names_and_path(words: Sequence[str]) -> tuple[list[str], Path]:
    """Tell names from the event's place, which may come last: a path, or a folder with an event."""
    *names, last = words or [""]
    is_place = "/" in last or "." in last or (last and event_file(Path(last)).is_file())
    return (names, Path(last)) if is_place else ([name for name in words if name], Path())


def guest_list(names: Sequence[str], tables: Sequence[str], each: int) -> list[Guest]:
    """Give who is invited. Raises DivebellError for what can be nobody's name, or no label."""
    for name in names:
        check_name(name)
    for label in tables:
        if not label.isprintable() or not 1 <= len(label) <= LONGEST_LABEL:
            raise DivebellError(f"{label!r} is no label", next_step="up to 60 characters, such as Table 3")
    return [Guest(name) for name in names] + [Guest(label=label, uses=each) for label in tables]


def expiry(text: str | None, event: Event, now: datetime) -> datetime:
    """Read until when an invitation holds. Raises DivebellError for what is no time to come."""
    if text is None:
        return holds_until(event, now)
    span = re.fullmatch(r"(\d{1,4}) ?(h|d)", text.strip())
    if span:
        until = now + int(span[1]) * (timedelta(hours=1) if span[2] == "h" else timedelta(days=1))
    elif re.fullmatch(DATE_PATTERN, text.strip()):
        until = _moment(text).replace(tzinfo=event.zone)
    else:
        raise DivebellError(
            f"'{text}' is no time", next_step="--expires '2021-03-05 18:00', or --expires '12 h', or '3 d'"
        )
    if until <= now:
        raise DivebellError(f"'{text}' is over already", next_step="choose a time to come")
    return until


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(str(local_time(text)))
    except ValueError as error:
        raise DivebellError(f"'{text}' is no time that exists", next_step="check the date") from error


def give(event: Event, state: State, guests: Sequence[Guest], until: datetime) -> list[Given]:
    """Make invitations, all or none."""
    from divebell.database import admin, invitations  # noqa: PLC0415 - a usage error needs no driver

    if event.people.sign_in is not SignIn.INVITATIONS:
        raise DivebellError(
            f"people of this event sign in with `{event.people.sign_in}`",
            next_step="set people.sign_in to invitations in event.yaml, then: divebell up",
        )
    address = address_of(state)
    wanted = [invitations.Wanted(one.name, one.label, one.uses, until, BY) for one in guests]
    room = invitations.Room(event.people.ambassadors, event.people.expected)
    with admin(state) as database:
        made = invitations.invite_all(database, wanted, room)
    return [
        Given(new.id, one.name, one.label, one.uses, new.code, new.link(address), until)
        for new, one in zip(made, guests, strict=True)
    ]


def check_name(name: str) -> None:
    """Raise DivebellError for what can be nobody's name."""
    if re.fullmatch(NAME_PATTERN, name) is None or name in RESERVED_NAMES:
        raise DivebellError(
            f"'{name}' cannot be a name here",
            next_step="2 to 31 of a-z, 0-9 and _, beginning with a letter, such as ana_b",
        )


def address_of(state: State) -> str:
    """Give where people open the event."""
    from divebell.local.running import public_address  # noqa: PLC0415

    try:
        return public_address(state, Ports.load(state))
    except FileNotFoundError as error:
        raise DivebellError("this event has not been started yet", next_step="divebell up") from error


def _invite(args: argparse.Namespace) -> int:
    names, path = names_and_path(args.words)
    if not (names or args.table):
        raise DivebellError(
            "nobody was named", next_step="divebell people invite ana ben, or --table 'Table 3' --uses 6"
        )
    event, state = open_event(path)
    until = expiry(args.expires, event, datetime.now(UTC))
    guests = guest_list(names, args.table, args.uses)
    given = give(event, state, guests, until)
    if args.json:
        print(
            json.dumps({"invitations": [asdict(one) for one in given]}, default=datetime.isoformat, indent=2)
        )
        return EXIT_DONE
    for one in given:
        print(f"{one.name or f'{one.label} (for {one.uses})'}\n  link  {one.link}\n  code  {one.code}")
    shown = until.astimezone(event.zone)
    print(
        f"They hold until {shown:%Y-%m-%d %H:%M} ({event.timezone}), and are not shown again: note them now.",
        file=sys.stderr,
    )
    return EXIT_DONE


def _list(path: Path, *, as_json: bool) -> int:
    from divebell.database import admin, invitations  # noqa: PLC0415

    event, state = open_event(path)
    with admin(state) as database:
        found = invitations.listing(database)
    if as_json:
        print(
            json.dumps({"invitations": [asdict(one) for one in found]}, default=datetime.isoformat, indent=2)
        )
        return EXIT_DONE
    if not found:
        print("Nobody has been invited yet.", file=sys.stderr)
    width = max((len(one.name or one.label or "") for one in found), default=0)
    for one in found:
        until = one.expires_at.astimezone(event.zone)
        came = f"  {', '.join(one.used_by)}" if one.label else ""
        who = one.name or one.label or ""
        print(
            f"{one.id}  {who:<{width}}  {one.state:<7}  {one.used}/{one.uses}  {until:%Y-%m-%d %H:%M}{came}"
        )
    return EXIT_DONE


def _revoke(path: Path, number: str, *, as_json: bool) -> int:
    from divebell.database import admin, invitations  # noqa: PLC0415

    _, state = open_event(path)
    number = number.strip().upper()
    with admin(state) as database:
        done = invitations.revoke(database, number, BY)
        came = next((one.used_by for one in invitations.listing(database) if one.id == number), [])
    if not done:
        raise DivebellError(
            f"there is no invitation '{number}' to take back", next_step="divebell people invitations"
        )
    if as_json:
        print(json.dumps({"id": number, "revoked": True, "used_by": came}))
        return EXIT_DONE
    print(f"Nobody comes in with '{number}' any more.")
    if came:
        print(f"Who came with it stays: {', '.join(came)}. `divebell people remove NAME` shuts somebody out.")
    return EXIT_DONE
