import os
import time
from pathlib import Path

import pytest

from divebell.pipeline.branch_commands import fed
from divebell.pipeline.git import GitError


def ended(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z"


def test_what_takes_too_long_ends_with_all_it_began(tmp_path):
    child = tmp_path / "child"
    script = f"sleep 300 & echo $! > {child}; wait"
    with pytest.raises(GitError, match="did not finish"):
        fed(["sh", "-c", script], os.environ, b"", seconds=2)
    until = time.monotonic() + 30
    while not ended(int(child.read_text())) and time.monotonic() < until:
        time.sleep(0.05)
    assert ended(int(child.read_text()))
