"""`divebell image`: build the workspace image, show what it is made from, try it out."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.event_argument import add_event_argument, open_event
from divebell.containers import engine, image
from divebell.containers.image import builder, trial

_ACTIONS = {
    "build": "Build the image of the event's workspaces, unless it is there.",
    "show": "Show what the image is made from: its Dockerfile; everything with --json.",
    "test": "Try the image out: import every package, convert a file, draw a map, read PostGIS.",
}
_MORE = {
    "build": "Nothing is built where the recipe is the same as last time. Certificates are used while "
    "building and are not part of the image.",
    "test": "PostGIS is read where PGHOST and its companions say; without PGHOST that check is left out.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what may follow the verb."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, summary in _ACTIONS.items():
        child = actions.add_parser(
            action, help=summary, description=f"{summary} {_MORE.get(action, '')}".strip()
        )
        add_event_argument(child)
        if action == "build":
            child.add_argument("--force", action="store_true", help="build everything anew")
            child.add_argument(
                "--ca-bundle",
                type=Path,
                metavar="FILE",
                help="certificates to use while building (default: what PIP_CERT or SSL_CERT_FILE names)",
            )
        child.add_argument("--json", action="store_true", help="print facts for a program to read")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    match args.action:
        case "build":
            bundle = args.ca_bundle or builder.bundle_of(os.environ)
            return _build(args.path, image.Wish(bundle, anew=args.force), as_json=args.json)
        case "show":
            return _show(args.path, as_json=args.json)
        case _:
            return _test(args.path, as_json=args.json)


def _build(path: Path, wish: image.Wish, *, as_json: bool) -> int:
    event, _ = open_event(path)
    built = image.build(event, _say, wish)
    if as_json:
        print(json.dumps(asdict(built), indent=2))
        return EXIT_DONE
    how = "was there already" if built.was_there else f"built in {built.seconds:.0f} s"
    print(f"{built.tag}: {built.bytes / 1e9:.2f} GB, {how}")
    return EXIT_DONE


def _show(path: Path, *, as_json: bool) -> int:
    event, _ = open_event(path)
    wanted = image.recipe(event)
    if not as_json:
        print(wanted.files["Dockerfile"], end="")
        return EXIT_DONE
    there = None
    if engine.answers():
        with engine.connected() as client:
            there = image.find(client, wanted.tag)
    facts = {
        "tag": wanted.tag,
        "base": wanted.base,
        "built": there is not None,
        "bytes": there.bytes if there else None,
        "files": wanted.files,
    }
    print(json.dumps(facts, indent=2))
    return EXIT_DONE


def _test(path: Path, *, as_json: bool) -> int:
    event, _ = open_event(path)
    tag = image.ensure(event, _say)
    with engine.connected() as client:
        tried = trial.try_image(client, tag, os.environ, as_json=as_json)
    print(tried.errors, end="", file=sys.stderr)
    print(tried.output, end="")
    return EXIT_DONE if tried.good else EXIT_FAILED


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
