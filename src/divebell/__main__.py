"""Run divebell as `python -m divebell`."""

import sys

from divebell.cli import main

sys.exit(main())
