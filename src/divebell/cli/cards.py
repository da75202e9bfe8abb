"""`divebell people cards`: a PDF of cards to print and cut, one for each person or table."""

from __future__ import annotations

import argparse
import base64
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from divebell.cli import EXIT_DONE
from divebell.cli.event_argument import open_event
from divebell.cli.invitations import (
    Given,
    Guest,
    add_guests,
    address_of,
    expiry,
    give,
    guest_list,
    guest_words,
    names_and_path,
    uses,
)
from divebell.cli.on_server import add_on_argument, run_on
from divebell.errors import DivebellError
from divebell.event import Event, State, load_secrets
from divebell.event.model import SignIn

if TYPE_CHECKING:
    from divebell.cards import Card, Line, Printed

ACTIONS = {"cards": "Make a PDF of cards to print and cut: address, name, and what to type."}
_PAPERS = ("a4", "letter")
_STDOUT = "-"
_ADVICE = {
    SignIn.EVENT_PASSWORD: "Choose a name, and note it and the code you are shown: with them you come back.",
    SignIn.INVITATIONS: "Scan the square, or open the address and type name and code.",
    SignIn.GITHUB: "Sign in with your account on GitHub.",
    SignIn.ACCOUNTS: "Sign in with your name and password, or ask for an account on that page.",
    SignIn.SYSTEM: "Sign in with your name and password on this machine.",
}
_KEEP = " Keep this card: with the code you come back."
_CHOOSE = " You choose a name, and get a code of your own."


@dataclass(frozen=True)
class Stack:
    """Cards that were printed: the file, how many, and the address they lead to."""

    printed: Printed
    cards: int
    address: str


def add_arguments(action: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001 - there is one
    """Add what may follow."""
    add_guests(parser)
    parser.add_argument(
        "--count", type=uses, metavar="N", help="cards without a name, each for one person (default: a sheet)"
    )
    parser.add_argument(
        "--out", default="cards.pdf", metavar="FILE", help="where to (cards.pdf; - is stdout)"
    )
    parser.add_argument("--paper", choices=_PAPERS, default="a4", help="size of the paper (a4)")
    add_on_argument(parser)
    parser.add_argument("--json", action="store_true", help="print facts for a program to read")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from divebell.cards import PAPERS, print_cards  # noqa: PLC0415 - other actions need no fonts

    names, path = names_and_path(args.words)
    if args.out != _STDOUT and not Path(args.out).parent.is_dir():
        raise DivebellError(f"there is no folder for {args.out}", next_step="choose another place with --out")
    if args.on:
        return _fetch(args, path)
    event, state = open_event(path)
    if args.table and event.people.sign_in is not SignIn.INVITATIONS:
        raise DivebellError(
            f"people of this event sign in with `{event.people.sign_in}`, not as a table",
            next_step="leave --table out",
        )
    now = datetime.now(UTC)
    guests = guest_list(names, args.table, args.uses) + _blank(args.count, named=bool(names or args.table))
    cards = _cards(event, state, guests, expiry(args.expires, event, now))
    printed = print_cards(cards, PAPERS[args.paper], now)
    _give(args, Stack(printed, len(cards), cards[0].address))
    return EXIT_DONE


def _fetch(args: argparse.Namespace, path: Path) -> int:
    """Have the server print, and keep the file here once all of it has arrived."""
    count = ["--count", str(args.count)] if args.count is not None else []
    how = ["--paper", args.paper, "--out", _STDOUT, "--json"]
    wanted = ["people", "cards", *guest_words(args), *count, *how]
    with tempfile.TemporaryFile() as answer:
        code = run_on(args.on, path, wanted, out=answer)
        answer.seek(0)
        if code == EXIT_DONE:
            _give(args, _received(answer.read()))
    return code


def _received(answer: bytes) -> Stack:
    """Read what a server prints. Raises DivebellError where that is another divebell's answer."""
    from divebell.cards import Printed  # noqa: PLC0415

    try:
        said = json.loads(answer)
        pdf = base64.b64decode(said["pdf"], validate=True)
        printed = Printed(pdf, said["sheets"], tuple(said["missing"]), said["unjoined"])
        return Stack(printed, said["cards"], said["address"])
    except (ValueError, KeyError, TypeError) as error:
        raise DivebellError(
            "the server's divebell is another one than this, which does not understand its answer",
            next_step="divebell deploy brings this one there",
        ) from error


def _blank(count: int | None, *, named: bool) -> list[Guest]:
    """Give who gets a card without a name: as many as fit on a sheet when nobody is named either."""
    from divebell.cards.layout import SHEET  # noqa: PLC0415

    many = count if count is not None else 0 if named else SHEET
    return [Guest(label=f"Card {number + 1}") for number in range(many)]


def _cards(event: Event, state: State, guests: Sequence[Guest], until: datetime) -> list[Card]:
    from divebell.cards import Card  # noqa: PLC0415

    address = address_of(state)
    kind = event.people.sign_in
    plain = Card(event.name, (), address, address, _ADVICE[kind], event.organisation or "")
    if kind is SignIn.INVITATIONS:
        return [_invitation(plain, one) for one in give(event, state, guests, until)]
    password = load_secrets(state).event_password if kind is SignIn.EVENT_PASSWORD else ""
    return [replace(plain, lines=_lines(kind, guest.name, password)) for guest in guests]


def _invitation(plain: Card, one: Given) -> Card:
    from divebell.cards import Line  # noqa: PLC0415

    who = Line("For", f"{one.label}, {one.uses} people") if one.uses > 1 else _name(one.name)
    advice = plain.advice + (_KEEP if one.name else _CHOOSE)
    return replace(plain, lines=(who, Line("Code", one.code, exact=True)), link=one.link, advice=advice)


def _lines(kind: SignIn, name: str | None, password: str) -> tuple[Line, ...]:
    """Give what stands on a card of an event without invitations."""
    from divebell.cards import Line  # noqa: PLC0415

    match kind:
        case SignIn.EVENT_PASSWORD:
            return Line("Password", password, exact=True), _name(name), Line("Your return code")
        case SignIn.ACCOUNTS:
            return _name(name), Line("Your password")
        case _:
            return (_name(name),) if name else ()


def _name(name: str | None) -> Line:
    from divebell.cards import Line  # noqa: PLC0415

    return Line("Your name", name) if name else Line("Your name (you choose it)")


def _give(args: argparse.Namespace, stack: Stack) -> None:
    """Put the file where it was wanted, and tell about it; for a program with `-` all stands in its JSON."""
    facts = {"file": args.out, "cards": stack.cards, "sheets": stack.printed.sheets}
    facts |= {"missing": list(stack.printed.missing)}
    if args.out != _STDOUT:
        _write(Path(args.out), stack.printed.content)
    elif args.json:
        pdf = base64.b64encode(stack.printed.content).decode()
        facts |= {"unjoined": stack.printed.unjoined, "address": stack.address, "pdf": pdf}
    else:
        sys.stdout.buffer.write(stack.printed.content)
    if args.json:
        print(json.dumps(facts, ensure_ascii=False))
    if not (args.json and args.out == _STDOUT):
        print("\n".join(_words(args.out, stack)), file=sys.stderr)


def _write(file: Path, content: bytes) -> None:
    file.touch(mode=0o600)
    if file.is_file():
        file.chmod(0o600)
    file.write_bytes(content)


def _words(out: str, stack: Stack) -> list[str]:
    printed, where = stack.printed, "" if out == _STDOUT else f": {out}"
    sheets = "1 sheet" if printed.sheets == 1 else f"{printed.sheets} sheets"
    cards = "1 card" if stack.cards == 1 else f"{stack.cards} cards"
    lines = [f"{cards} on {sheets}{where}. A card opens the event: keep them safe."]
    if printed.missing:
        lost = "".join(printed.missing)
        lines.append(
            f"No font has {lost}, printed as ?. Install one (fonts-noto) where the event is, and print again."
        )
    if printed.unjoined:
        lines.append("Some letters belong joined and are printed one by one: look whether it can be read.")
    if "127.0.0.1" in stack.address:
        lines.append(f"{stack.address} opens on this machine alone: deploy the event, then print there.")
    return lines
