"""Share work from a terminal: `divebell-share FILE`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from divebell.errors import DivebellError
from divebell.workspace.publish import publish, unpublish


def main(arguments: Sequence[str] | None = None) -> int:
    """Share a file, or take it back; give the exit code: 0 done, 1 refused, 2 wrong usage."""
    said = _parser().parse_args(arguments)
    try:
        if said.take_back:
            unpublish(said.file)
            print(f"{said.file} is no longer in the gallery")
        else:
            print(publish(said.file, title=said.title, description=said.description))
    except DivebellError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="divebell-share",
        description="Show a notebook or file to everybody at the event, in the gallery.",
    )
    parser.add_argument("file", type=Path, help="the notebook or file")
    parser.add_argument("--title", help="what it is called (else the notebook's first heading)")
    parser.add_argument("--description", default="", help="what it shows")
    parser.add_argument("--take-back", action="store_true", help="take it out of the gallery again")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
