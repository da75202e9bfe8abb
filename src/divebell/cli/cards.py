"""`divebell people cards`: a PDF of cards to print and cut, one for each person or table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
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
    _write(args.out, printed.content)
    _tell(args, printed, cards)
    return EXIT_DONE


def _fetch(args: argparse.Namespace, path: Path) -> int:
    """Have the server print, and keep the file here."""
    count = ["--count", str(args.count)] if args.count else []
    wanted = ["people", "cards", *guest_words(args), *count, "--paper", args.paper, "--out", _STDOUT]
    if args.out == _STDOUT:
        return run_on(args.on, path, wanted)
    file = Path(args.out)
    file.touch(mode=0o600)
    with file.open("wb") as stream:
        code = run_on(args.on, path, wanted, out=stream)
    if code != EXIT_DONE:
        file.unlink()
    return code


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


def _write(out: str, content: bytes) -> None:
    if out == _STDOUT:
        sys.stdout.buffer.write(content)
        return
    file = Path(out)
    file.touch(mode=0o600)
    file.write_bytes(content)


def _tell(args: argparse.Namespace, printed: Printed, cards: Sequence[Card]) -> None:
    if args.json and args.out != _STDOUT:
        facts = {"file": args.out, "cards": len(cards), "sheets": printed.sheets}
        print(json.dumps(facts | {"missing": list(printed.missing)}, ensure_ascii=False))
    sheets = "1 sheet" if printed.sheets == 1 else f"{printed.sheets} sheets"
    lines = [f"{len(cards)} cards on {sheets}: {args.out}. A card opens the event: keep them safe."]
    if printed.missing:
        lost = "".join(printed.missing)
        lines.append(f"No font here has {lost}, printed as ?. Install one (fonts-noto), then print again.")
    if printed.unjoined:
        lines.append("Some letters belong joined and are printed one by one: look whether it can be read.")
    if "127.0.0.1" in cards[0].address:
        lines.append(f"{cards[0].address} opens on this machine alone: deploy the event, then print there.")
    print("\n".join(lines), file=sys.stderr)
