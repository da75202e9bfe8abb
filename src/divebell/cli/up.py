"""`divebell up`: run the event on this machine."""

from __future__ import annotations

import argparse
import json
import signal
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.live import Live

from divebell.backup.restoring import is_interrupted
from divebell.cli.event_argument import add_event_argument, open_event_with_data, state_of
from divebell.cli.show import parts_table, summary, summary_json
from divebell.errors import DivebellError
from divebell.event import Service
from divebell.event.model import SignIn
from divebell.local.health import PartStatus, check_parts
from divebell.local.machine import check_machine
from divebell.local.running import (
    Running,
    bring_up,
    running_supervisor,
    take_down,
    wait_until_down,
    wanted_file,
    watch_start,
)

LOOK_AGAIN_SECONDS = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `up`."""
    add_event_argument(parser)
    parser.add_argument(
        "--port", type=_port, help="the port people open (default: 8000, or the last one used)"
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="return once the event is up; `divebell down` ends it (on a server always so)",
    )
    parser.add_argument("--open", action="store_true", help="open the event in a browser")
    parser.add_argument("--json", action="store_true", help="print address and passwords as JSON")


def run(args: argparse.Namespace) -> int:
    """Bring the event up; in the foreground, watch it until Ctrl-C and then take it down."""
    check_machine()
    if is_interrupted(state_of(args.path)):
        raise DivebellError("a restore of this event did not come to its end", next_step="run it again")
    event, state = open_event_with_data(args.path)
    console = Console(stderr=True)
    with _ended_by_signals():
        try:
            running = bring_up(event, state, args.port, console.print, ends_with_us=not args.detach)
            _watch_until_ready(running, console)
            _announce(running, args)
            _say_all(_unfinished(running), console)
            if args.detach or running.was_running or running.goes_on:
                return 0
            _stay(running, console, args)
            wait_until_down(state)
        except KeyboardInterrupt:
            if Service.load(state) is not None:  # whoever stopped waiting has stopped nothing else
                raise
            console.print("stopping the event ...")
            take_down(state, console.print)
        console.print("The event is down. Data, homes and passwords are kept.")
    return 0


def _unfinished(running: Running) -> list[str]:
    """Say what only a person can do before volunteers get in."""
    people, secret = running.event.people, running.secrets.github_client_secret
    if people.sign_in is not SignIn.GITHUB or secret:
        return []
    return [
        "Nobody can sign in with GitHub yet: the secret of the OAuth app is missing.",
        f"  its callback address is {running.address}hub/oauth_callback",
        "  -> divebell secrets set github-client-secret",
    ]


def _announce(running: Running, args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps(summary_json(running)))
    else:
        print(summary(running), flush=True)
    if args.open:
        webbrowser.open(running.address)


def _watch_until_ready(running: Running, console: Console) -> None:
    """Show what is starting and what is ready; plain lines where nobody watches a terminal."""
    if console.is_terminal:
        with Live(console=console, transient=True, auto_refresh=False) as live:
            for parts in watch_start(running.state, running.ports):
                live.update(parts_table(parts), refresh=True)
        _say_all(_complaints(parts), console)
        return
    seen: set[str] = set()
    for parts in watch_start(running.state, running.ports):
        for part in parts:
            if part.ready and part.name not in seen:
                console.print(f"{part.name} is ready")
                seen.add(part.name)
    _say_all(_complaints(parts), console)


def _stay(running: Running, console: Console, args: argparse.Namespace) -> None:
    """Keep the event up until `down` ends it; bring it up again when its supervisor was killed."""
    console.print("Ctrl-C ends the event." if console.is_terminal else "SIGTERM ends the event.")
    told: set[str] = set()
    with Live(console=console, auto_refresh=False) if console.is_terminal else nullcontext() as live:
        while wanted_file(running.state).exists():
            if running_supervisor(running.state) is None and wanted_file(running.state).exists():
                console.print("the supervisor is gone: starting the event again")
                bring_up(running.event, running.state, args.port, console.print, ends_with_us=True)
            parts = check_parts(running.state, running.ports)
            if live is not None:
                live.update(parts_table(parts), refresh=True)
            else:
                now = set(_complaints(parts))
                _say_all(sorted(now - told), console)
                told = now
            time.sleep(LOOK_AGAIN_SECONDS)


def _say_all(lines: list[str], console: Console) -> None:
    for line in lines:
        console.print(line)


def _complaints(parts: tuple[PartStatus, ...]) -> list[str]:
    """Say in a line each which parts do not do their work."""
    return [
        f"{part.name} is {'not well' if part.answers else 'away'}: {part.detail}"
        for part in parts
        if not part.ready
    ]


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Treat a closed terminal and a polite kill like Ctrl-C."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port number from 1 to 65535, not '{text}'")
    return int(text)
