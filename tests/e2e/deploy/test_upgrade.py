"""A machine with an older divebell, in the middle of an event, gets a newer one.

No released divebell could deploy yet. So the older one is this source, and the newer one is this source under a later
version, with one migration more: what changes on the machine is what an upgrade changes.
"""

from pathlib import Path

import pytest

from deployment import Deployment, newer_divebell

pytestmark = pytest.mark.timeout(1500)

MIGRATION = "CREATE TABLE catalogue.later (a int);\n"


def test_a_newer_divebell_takes_over_with_data_homes_and_kernels_kept(
    event: Deployment, tmp_path: Path
) -> None:
    browser, kernel = event.at_notebook("lee")
    kernel.run(
        "import os, pathlib; kept = os.getpid(); pathlib.Path.home().joinpath('mine.txt').write_text('mine')"
    )
    kernel.run(
        "import psycopg\nwith psycopg.connect('') as c: c.execute('CREATE TABLE mine AS SELECT 42 AS a')"
    )
    counties = event.sql("SELECT count(*) FROM data.counties")
    passwords = event.password, event.ambassadors
    event.code = newer_divebell(tmp_path, MIGRATION)
    event.deploy()
    assert event.target.ssh("divebell --version").stdout.split()[-1] == "99.0"
    assert event.sql("SELECT count(*) FROM catalogue.later") == "0"
    assert (event.password, event.ambassadors) == passwords
    assert event.sql("SELECT count(*) FROM data.counties") == counties
    kernel.connect()
    assert (
        kernel.run("print(kept == os.getpid(), pathlib.Path.home().joinpath('mine.txt').read_text())").strip()
        == "True mine"
    )
    rows = "with psycopg.connect('') as c: print(c.execute('SELECT a FROM mine').fetchone())"
    assert kernel.run(rows).strip() == "(42,)"
    assert browser.who() == "lee"
    kernel.close()
    assert event.deploy()["changed"] == []


def test_an_older_divebell_does_not_touch_what_a_newer_one_made(event: Deployment) -> None:
    event.code = None
    refused = event.run("deploy", "--yes", check=False)
    assert refused.returncode == 1
    assert "it has divebell 99.0, which is newer" in refused.stderr
    assert event.is_ready()
