"""Be ready to read: `python -m divebell.pipeline.reading FOLDER ACCOUNT`, standard input a socket."""

from __future__ import annotations

import sys

from divebell.pipeline.reading.warm import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
