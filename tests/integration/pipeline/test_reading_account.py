"""Who opens a stranger's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from divebell.event.model import DatasetHint
from divebell.pipeline.spool import READER_UID, spool


@pytest.mark.root
def test_a_strangers_file_is_opened_by_an_account_that_owns_nothing(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "data").chmod(0o755)
    (closed / "data" / "a.csv").write_text("fips,n\n01001,1\n")
    spools = closed / "spool"
    spools.mkdir(mode=0o700)
    spooled = spool(closed / "data" / "a.csv", DatasetHint(), spools)
    assert [column.name for column in spooled.layers[0].columns] == ["fips", "n"]
    assert {path.stat().st_uid for path in spools.glob("*.*")} == {READER_UID}
