"""`divebell deploy`: install the event on a server over SSH, or change what changed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from divebell.cli import EXIT_DONE
from divebell.cli.deploy_show import meaning, summary, summary_json, watching, would_change
from divebell.cli.event_argument import add_event_argument, open_event_with_data
from divebell.deploy.consequences import interrupting
from divebell.deploy.deploying import Prepared, carry_out, dry_run, prepare, private_folder
from divebell.deploy.host import Host, chosen_host
from divebell.deploy.log import Log
from divebell.deploy.removing import look_before_removal, remove, what_goes
from divebell.errors import DivebellError
from divebell.event import Event, State


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `deploy`."""
    add_event_argument(parser)
    parser.add_argument(
        "--to", metavar="[USER@]HOST[:PORT]", help="the server (default: the one of the last time)"
    )
    parser.add_argument("--identity", type=Path, metavar="FILE", help="the private key to sign in with")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would change and what it means; change nothing"
    )
    parser.add_argument("--remove", action="store_true", help="take the event and all of divebell away again")
    parser.add_argument("--yes", action="store_true", help="do not ask, whatever it means")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Deploy; ask first where somebody would be interrupted."""
    event, state = open_event_with_data(args.path)
    host = chosen_host(state, args.to, args.identity)
    console = Console(stderr=True)
    if args.remove:
        return _remove(args, event, state, console)
    with private_folder() as folder, _log(state, "deploy") as log:
        console.print(f"looking at {host.name}", highlight=False)
        prepared = prepare(event, state, host, folder)
        if args.dry_run:
            return _dry_run(args, prepared, log, console)
        _tell_and_ask(args, prepared, console)
        with watching(console) as watch:
            outcome = carry_out(prepared, log, watch)
        print(json.dumps(summary_json(outcome, log), indent=2) if args.json else summary(outcome, log))
    return EXIT_DONE


def _dry_run(args: argparse.Namespace, prepared: Prepared, log: Log, console: Console) -> int:
    with watching(console) as watch:
        outcome = dry_run(prepared, log, watch)
    if args.json:
        print(json.dumps(summary_json(outcome, log), indent=2))
        return EXIT_DONE
    print("\n".join(would_change(outcome)))
    if prepared.consequences:
        print("\n".join(["", "What it means:", *meaning(prepared.consequences)]))
    return EXIT_DONE


def _tell_and_ask(args: argparse.Namespace, prepared: Prepared, console: Console) -> None:
    """Say what the change means; where it interrupts somebody, go on only when that is wanted."""
    if not prepared.consequences:
        return
    lines = meaning(prepared.consequences)
    console.print(
        "\n".join(["What this changes for the people there:", *lines]),
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    if interrupting(list(prepared.consequences)) and not args.yes:
        _ask("Go on?", "nothing has been changed", "divebell deploy --yes")


def _remove(args: argparse.Namespace, event: Event, state: State, console: Console) -> int:
    host = chosen_host(state, args.to, args.identity)
    with private_folder() as folder, _log(state, "remove") as log:
        there = look_before_removal(host, folder)
        lines = what_goes(host, there, event.backups.to)
        console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)
        if args.dry_run or not there.installed:
            return EXIT_DONE
        if not args.yes:
            _ask(
                f"Remove all of this from {host.name}?",
                "nothing has been removed",
                "divebell deploy --remove --yes",
            )
        with watching(console) as watch:
            left = remove(host, state, folder, log, watch)
        if args.json:
            print(json.dumps({"server": host.name, "left": left, "log": str(log.file)}, indent=2))
        else:
            print(f"divebell is gone from {host.name}." if not left else _left_words(host, left))
    return EXIT_DONE


def _left_words(host: Host, left: list[str]) -> str:
    return "\n".join([f"divebell is gone from {host.name}; what is left:", *(f"  {each}" for each in left)])


def _ask(question: str, otherwise: str, without_asking: str) -> None:
    """Go on when the answer is yes. Raises DivebellError otherwise, or where nobody can be asked."""
    if not sys.stdin.isatty():
        raise DivebellError(f"nobody is here to be asked; {otherwise}", next_step=without_asking)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise DivebellError(otherwise)


@contextmanager
def _log(state: State, verb: str) -> Iterator[Log]:
    log = Log(state, verb)
    try:
        yield log
    except DivebellError as error:
        log.say(f"ended: {error}")
        raise
    except KeyboardInterrupt:
        log.say("interrupted")
        print("interrupted; the same command again goes on from there", file=sys.stderr)
        raise
    finally:
        log.close()
