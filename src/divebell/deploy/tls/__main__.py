"""See to this server's certificate: `python -m divebell.deploy.tls keep SETTINGS | placeholder FILE NAME`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from divebell.deploy.tls.keep import keep, moment, placeholder
from divebell.deploy.tls.settings import load_settings
from divebell.errors import DivebellError


def main(arguments: list[str] | None = None) -> int:
    """Do it once; `keep` prints how the certificate stands as JSON."""
    given = _parser().parse_args(arguments)
    try:
        if given.what == "placeholder":
            placeholder(given.file, given.name, moment())
            return 0
        done = keep(load_settings(given.settings), moment(), asked=given.asked)
    except DivebellError as error:
        print(error, file=sys.stderr)
        return 1
    told = {"changed": done.changed, "ordered": done.ordered, **asdict(done.standing)}
    print(json.dumps({**told, "words": done.standing.words}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m divebell.deploy.tls", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    begun = what.add_parser("placeholder", help="let nginx start where there is no certificate yet")
    begun.add_argument("file", type=Path)
    begun.add_argument("name")
    kept = what.add_parser("keep", help="get what is due and show the best there is")
    kept.add_argument("settings", type=Path)
    kept.add_argument("--asked", action="store_true", help="try at once, however lately an issuer refused")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
