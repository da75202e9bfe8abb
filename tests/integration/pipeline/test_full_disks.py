"""A disk that is full, PostgreSQL's or the reading process's: the old table stays, and room makes it good.

As root alone, for the disks are small ones that are mounted for the test.
"""

from __future__ import annotations

import io
import pwd
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import sql

from divebell.database import admin, connect
from divebell.database.cluster import data_folder
from divebell.database.leftovers import server_pid

from .conftest import Loading
from .loaders import BIG, SMALL, is_clean, rows_loaded, wells

pytestmark = pytest.mark.root


@contextmanager
def small_disk(folder: Path, size: str, seen_by: int | None = None) -> Iterator[None]:
    """Mount a small file system for this process, or where another one sees it: the server has its own view."""
    within = ["nsenter", f"--mount=/proc/{seen_by}/ns/mnt"] if seen_by else []
    subprocess.run([*within, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run([*within, "umount", "--lazy", folder], check=True)


@pytest.fixture
def more_room(loading: Loading) -> Iterator[Callable[[], object]]:
    """Have the loader's tables made on a disk of 4 MB; give what enlarges it."""
    server = pwd.getpwnam("postgres")
    role = sql.SQL("ALTER ROLE event_loader IN DATABASE event {}")
    with tempfile.TemporaryDirectory(prefix="divebell-disk-") as name:
        folder = Path(name)
        pid = server_pid(data_folder(loading.state))
        with small_disk(folder, "4m", seen_by=pid), admin(loading.state, autocommit=True) as database:
            seen = Path(f"/proc/{pid}/root{folder}")
            folder.chmod(0o755)
            seen.chmod(0o755)
            (seen / "tables").mkdir(mode=0o700)
            subprocess.run(["chown", f"{server.pw_uid}:{server.pw_gid}", seen / "tables"], check=True)
            database.execute(
                sql.SQL("CREATE TABLESPACE small OWNER event_owner LOCATION {}").format(
                    sql.Literal(str(folder / "tables"))
                )
            )
            database.execute(role.format(sql.SQL("SET default_tablespace = 'small'")))
            try:
                enlarge = [
                    "nsenter",
                    f"--mount=/proc/{pid}/ns/mnt",
                    "mount",
                    "-o",
                    "remount,size=200m",
                    folder,
                ]
                yield lambda: subprocess.run(enlarge, check=True)
            finally:
                database.execute(role.format(sql.SQL("RESET default_tablespace")))
                loading.connection.close()
                for schema, table in database.execute(
                    "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('data', 'stage')"
                ).fetchall():
                    database.execute(sql.SQL("DROP TABLE {} CASCADE").format(sql.Identifier(schema, table)))
                database.execute("DROP TABLESPACE small")


def test_a_table_that_does_not_fit_the_disk_leaves_the_old_one(
    loading: Loading, more_room: Callable[[], object]
) -> None:
    loading.connection = connect(loading.state, "event_loader", autocommit=True)
    loading.load({"data/big.csv": wells(SMALL)})
    listing = loading.load({"data/big.csv": wells(BIG), "data/more.csv": "id\n1\n"})
    [failure] = listing.failed
    assert failure.file == "data/big.csv"
    assert "No space left on device" in failure.reason
    assert loading.tables == {"big", "more"}
    assert rows_loaded(loading.connection) == SMALL
    assert is_clean(loading.connection)
    more_room()
    assert loading.load().failed == ()
    assert rows_loaded(loading.connection) == BIG


def test_a_file_that_does_not_unpack_for_lack_of_room_loads_once_there_is_some(loading: Loading) -> None:
    loading.load({"data/big.csv": wells(SMALL)})
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("big.csv", wells(BIG))
    loading.repo.commit(
        {"data/big.csv": None, "data/big.zip": archive.getvalue(), "data/more.csv": "id\n1\n"}
    )
    loading.state.run.mkdir(exist_ok=True)
    with small_disk(loading.state.run, "1m"):
        listing = loading.load()
        [failure] = listing.failed
        assert failure.file == "data/big.zip"
        assert "more" in loading.tables
    assert loading.load().failed == ()
    assert loading.column("SELECT count(*) FROM data.big") == [BIG]
