"""`divebell ci`: check what a commit changes, tell the event, wait, and show what it makes of it."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.ci import commands, show, summary
from divebell.cli.ci.commit import EVENT_FILE, Change, Told, change, is_earlier, resolved, told, top_of
from divebell.cli.ci.messages import Push
from divebell.cli.ci.report import Report
from divebell.cli.ci.server import SECRET_VARIABLE, SERVER_VARIABLE, EventServer, Wait, ask
from divebell.cli.data.checking import Checked, Place, inspected
from divebell.errors import DivebellError
from divebell.event import Event, load_event

_STEPS = ("check", "load")
_LONGEST_WAIT = 24 * 3600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `divebell ci` understands."""
    parser.add_argument(
        "step",
        nargs="?",
        choices=_STEPS,
        metavar="STEP",
        help="`check`: inspect the datasets that the commit changes; `load`: tell the event and wait until "
        "it has loaded the commit (default: both)",
    )
    parser.add_argument("--commit", metavar="SHA", default="HEAD", help="the commit (default: HEAD)")
    parser.add_argument(
        "--since", metavar="SHA", help="the commit before (default: what the CI says, or else the parent)"
    )
    parser.add_argument(
        "--folder",
        metavar="FOLDER",
        help="the repository's folder with the data (default: what its event.yaml says, or else data)",
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        default=os.environ.get(SERVER_VARIABLE),
        help=f"the event's address (default: ${SERVER_VARIABLE})",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=_seconds,
        default=600,
        help="how long to wait for the event (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Do it. 0 when all that the commit changes would be, and is, loaded; 1 when not."""
    on_github = os.environ.get("GITHUB_ACTIONS") == "true"
    try:
        with commands.without_commands(on_github=on_github and not args.json):
            report = _report(args)
            if not args.json:
                show.show(report)
    except DivebellError as error:
        if on_github:
            _summarise(summary.of_problem(str(error)))
        if not on_github or args.json:
            raise
        print(commands.problem(str(error)))
        return EXIT_FAILED
    if args.json:
        print(json.dumps(report.to_json(), indent=2))
    elif on_github:
        print("\n".join(commands.lines(report.notes())))
    if on_github:
        _summarise(summary.summary(report))
    return EXIT_DONE if report.ok else EXIT_FAILED


def _report(args: argparse.Namespace) -> Report:
    top, ci = top_of(Path()), told()
    event = _event(top)
    folder = args.folder or (event.data.folder if event else "data")
    commit = resolved(top, args.commit)
    known = change(top, folder, commit, args.since or ci.since, asks=ci.asks)
    checked = None
    if args.step != "load":
        if commit != resolved(top, "HEAD"):
            raise DivebellError(
                f"commit {commit[:10]} is not checked out, and files are checked as they lie here",
                next_step=f"git checkout {commit[:10]}",
            )
        checked = tuple(_checked(top, folder, known, event))
    if not _asks(args, ci):
        return Report(known, checked)
    push = Push(commit, ci.branch or (event.data.branch if event else "main"), known.since)
    with EventServer(args.server, _secret()) as server:
        answer = ask(server, push, Wait(args.wait, show.say), lambda head: is_earlier(top, head, commit))
    return Report(known, checked, answer)


def _checked(top: Path, folder: str, known: Change, event: Event | None) -> list[Checked]:
    place = Place(top, event.data.datasets if event else {}, top / folder)
    here = {file for file in known.changed if os.path.lexists(top / file)}
    absent = [Checked(file, error="it is not checked out here") for file in sorted(known.changed - here)]
    return [*inspected(place, known.datasets, here, named=False), *absent]


def _asks(args: argparse.Namespace, ci: Told) -> bool:
    """Say whether there is an event to tell; in doubt raise DivebellError."""
    if args.step == "check":
        return False
    if ci.asks:
        show.say("The commit asks to be merged: the event is told when it is.")
        return False
    if args.server:
        return True
    if args.step == "load":
        raise DivebellError("it is not said where the event is", next_step="--server https://ITS-ADDRESS")
    show.say(f"No event is told: neither --server nor ${SERVER_VARIABLE} says where it is.")
    return False


def _secret() -> str:
    secret = os.environ.get(SECRET_VARIABLE, "").strip()
    if not secret:
        raise DivebellError(
            f"{SECRET_VARIABLE} is not set, so the event would not believe us",
            next_step="give the CI a secret of that name: what `divebell secrets show webhook-secret` prints "
            "where the event runs",
        )
    return secret


def _event(top: Path) -> Event | None:
    """Give the event whose file is in the repository, for its hints; its problems stop nothing."""
    if not (top / EVENT_FILE).is_file() or (top / EVENT_FILE).is_symlink():
        return None
    try:
        return load_event(top)
    except DivebellError as error:
        show.say(f"{EVENT_FILE} has problems, so its hints are not used: {error}")
        return None


def _summarise(page: str) -> None:
    """Put a page on the job's summary, where there is one."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if file:
        with Path(file).open("a", encoding="utf-8") as out:
            out.write(page)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"found '{text}', expected seconds up to {_LONGEST_WAIT}")
    return seconds
