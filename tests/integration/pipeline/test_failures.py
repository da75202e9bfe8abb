"""A file that cannot be loaded is named with the reason, and harms neither the others nor its old table."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.pipeline import read, spool

from .conftest import Loading

WELLS = "id,depth\n1,10\n2,20\n"
BROKEN = b"PK\x03\x04 this is no zip archive"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def test_a_broken_file_is_named_and_the_others_load(loading: Loading) -> None:
    listing = loading.load({"data/shapes.zip": BROKEN, "data/wells.csv": WELLS, "data/map.geojson": "{"})
    assert loading.tables == {"wells"}
    assert [failure.file for failure in listing.failed] == ["data/map.geojson", "data/shapes.zip"]
    assert all(failure.reason for failure in listing.failed)


def test_a_broken_commit_keeps_the_old_table_until_the_file_is_mended(loading: Loading) -> None:
    loading.load({"data/wells.zip": BROKEN, "data/areas.geojson": '{"type": "Point", "coordinates": [1, 2]}'})
    assert loading.tables == {"areas"}
    listing = loading.load({"data/areas.geojson": '{"type": "FeatureCollection", "features": ['})
    assert loading.tables == {"areas"}
    assert loading.column("SELECT count(*) FROM data.areas") == [1]
    assert "data/areas.geojson" in {failure.file for failure in listing.failed}
    listing = loading.load({"data/areas.geojson": '{"type": "Point", "coordinates": [3, 4]}'})
    assert "data/areas.geojson" not in {failure.file for failure in listing.failed}
    assert loading.column("SELECT ST_X(geom) FROM data.areas") == [3]


def test_a_failed_file_is_read_again_only_when_it_changes(loading: Loading) -> None:
    loading.load({"data/shapes.zip": BROKEN})
    loading.load({"data/wells.csv": WELLS})
    assert (loading.summaries[-1].loaded, loading.summaries[-1].kept, loading.summaries[-1].failed) == (
        1,
        1,
        0,
    )
    assert [failure.file for failure in loading.listing.failed] == ["data/shapes.zip"]


def test_the_failure_of_a_file_that_is_gone_is_forgotten(loading: Loading) -> None:
    loading.load({"data/shapes.zip": BROKEN, "data/wells.csv": WELLS})
    assert loading.load({"data/shapes.zip": None}).failed == ()


def test_a_file_kept_with_git_lfs_says_so(loading: Loading) -> None:
    [failure] = loading.load({"data/wells.csv": POINTER}).failed
    assert "Git LFS" in failure.reason


def test_odd_file_names_load_or_are_named(loading: Loading) -> None:
    files: dict[str, str | bytes | None] = {
        f"data/{name}.csv": WELLS
        for name in ("%s", "a'b\"c", "Ünïcödé 数据", "数据", "select", "x" * 200, "-rf", "a\nb")
    }
    listing = loading.load(files)
    assert listing.failed == ()
    assert {entry.file for entry in listing.datasets} == set(files)
    assert all(entry.rows == 2 for entry in listing.datasets)


def test_a_name_that_is_no_utf8_is_reported(loading: Loading) -> None:
    (loading.repo.folder / "data").mkdir()
    with open(os.fsencode(loading.repo.folder / "data") + b"/caf\xe9.csv", "w") as file:  # noqa: PTH123
        file.write(WELLS)
    [failure] = loading.load({"data/wells.csv": WELLS}).failed
    assert "not valid UTF-8" in failure.reason
    assert loading.tables == {"wells"}


def test_a_reader_that_takes_too_long_is_stopped_and_says_so(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = loading.folder / "slow.py"
    slow.write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (1, 60))\nwhile True:\n    pass\n"
    )
    monkeypatch.setattr(spool, "command", lambda path, folder: [sys.executable, str(slow)])
    listing = loading.load({"data/wells.csv": WELLS})
    assert "took longer than" in listing.failed[0].reason


def test_a_reader_that_crashes_fails_its_file_alone(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = loading.folder / "crash.py"
    crash.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    monkeypatch.setattr(spool, "command", lambda path, folder: [sys.executable, str(crash)])
    listing = loading.load({"data/wells.csv": WELLS})
    assert "crashed (SIGSEGV)" in listing.failed[0].reason


def test_the_reading_process_knows_no_secret(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PGPASSWORD", "hidden")
    printer = tmp_path / "printer.py"
    printer.write_text(
        "import json, os, pathlib\n"
        "pathlib.Path('layers.json').write_text(json.dumps({'error': ' '.join(sorted(os.environ))}))\n"
    )
    monkeypatch.setattr(spool, "command", lambda path, folder: [sys.executable, str(printer)])
    (tmp_path / "out").mkdir()
    with pytest.raises(DivebellError) as caught:
        spool.spool(printer, DatasetHint(), tmp_path / "out")
    assert "PGPASSWORD" not in caught.value.message


def test_the_reading_process_has_no_network() -> None:
    script = (
        "import socket\nfrom divebell.pipeline.read import _leave_network\n_leave_network()\n"
        "print([name for _, name in socket.if_nameindex()])\n"
        "socket.create_connection(('127.0.0.1', 9), 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "['lo']\n"
    assert "Network is unreachable" in done.stderr


def test_a_larger_file_may_take_longer() -> None:
    assert read.cpu_seconds(0) == read.CPU_SECONDS
    assert read.cpu_seconds(100 * 1024**2) == read.CPU_SECONDS + 100 * read.CPU_SECONDS_PER_MB
