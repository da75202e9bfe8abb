from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from divebell.pipeline.reading.service import Readings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for files to read."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    return data


@pytest.fixture
def readings(folder: Path, tmp_path: Path) -> Iterator[Readings]:
    with Readings([folder], tmp_path / "scratch") as service:
        yield service
