from __future__ import annotations

from pathlib import Path

import pytest

from divebell.database.binaries import Binaries, choose, find_binaries
from divebell.errors import DivebellError


def installation(version: int, *, postgis: bool = True) -> Binaries:
    return Binaries(Path(f"/usr/lib/postgresql/{version}/bin"), version, postgis)


def test_the_newest_with_postgis_is_chosen() -> None:
    found = [installation(16), installation(17, postgis=False), installation(15), installation(9)]
    assert choose(found).version == 16


def test_a_cluster_keeps_the_version_that_made_it() -> None:
    assert choose([installation(15), installation(17)], 15).version == 15
    with pytest.raises(DivebellError, match="made by PostgreSQL 15") as missing:
        choose([installation(17)], 15)
    assert missing.value.next_step == "apt-get install -y postgresql-15 postgresql-15-postgis-3"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([], "PostgreSQL is not installed"),
        ([installation(14)], "PostgreSQL 14 is too old: 15 or newer is needed"),
        ([installation(15, postgis=False)], "PostgreSQL 15 (/usr/lib/postgresql/15/bin) has no PostGIS"),
    ],
)
def test_what_is_missing_is_named_with_one_command(found: list[Binaries], problem: str) -> None:
    with pytest.raises(DivebellError) as missing:
        choose(found)
    assert missing.value.message == problem
    assert missing.value.next_step == "apt-get install -y postgresql postgresql-postgis"


def test_this_machines_postgresql_is_found() -> None:
    binaries = find_binaries()
    assert binaries.version >= 15
    assert Path(binaries.program("initdb")).is_file()
