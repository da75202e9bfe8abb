"""The watchdog runs in whole or not at all."""

import subprocess
import sys

STORY = """
import contextlib, sys
from pathlib import Path
import divebell.watchdog.__main__ as watchdog

class Watch:
    def __init__(self, *_): pass
    def round(self): pass

def broken(_):
    raise OSError("the disk is gone")

watchdog.connect = lambda *_, **options: contextlib.nullcontext()
watchdog.Watch, watchdog.tidy = Watch, broken
watchdog.main(Path(sys.argv[1]))
"""


def test_where_tidying_up_breaks_all_of_it_ends_to_be_started_anew(tmp_path):
    words = [sys.executable, "-c", STORY, str(tmp_path)]
    done = subprocess.run(words, timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the disk is gone" in done.stderr
