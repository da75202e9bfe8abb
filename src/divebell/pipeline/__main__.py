"""Run the loader of one event: `python -m divebell.pipeline FOLDER`."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path

from divebell.pipeline.worker import run


def main(arguments: list[str]) -> int:
    """Follow the event in the folder given until told to end."""
    if len(arguments) != 1:
        print("usage: python -m divebell.pipeline FOLDER", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        run(Path(arguments[0]))
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
