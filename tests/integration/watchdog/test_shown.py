"""What the watchdog did is seen by the person concerned and by the ambassadors, and by nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from divebell.cli import main
from divebell.database import admin, connect
from signed_in import serving


@pytest.fixture
def ended(empty_cluster: Any) -> Any:
    """Have a query of ana's ended."""
    with connect(empty_cluster.state, "event_watchdog", autocommit=True) as watchdog:
        watchdog.execute(
            'INSERT INTO watch.intervention (role, what, "limit", detail, query) VALUES'
            " ('v_ana', 'query', '15 min for one statement', 'A query of yours was ended after 16 min.',"
            " 'SELECT <secret> FROM v_ana.mine')"
        )
    return empty_cluster


def test_the_person_concerned_reads_it_on_the_front_page(ended: Any) -> None:
    with serving(ended) as site, site.client("ana") as ana, site.client("ben") as ben:
        mine, theirs = ana.get("").text, ben.get("").text
    assert "A query of yours was ended after 16 min." in mine
    assert "SELECT &lt;secret&gt; FROM v_ana.mine" in mine
    assert "watchdog ended" not in theirs
    assert "secret" not in theirs


def test_an_ambassador_reads_it_beside_the_people(ended: Any) -> None:
    with serving(ended) as site, site.client("maria") as maria, site.client("ben") as ben:
        page = maria.get("people").text
        assert ben.get("people").status_code == 403
    assert "Ended by the watchdog" in page
    assert "ana</th>" in page
    assert "Limit: 15 min for one statement." in page


def test_the_command_line_lists_it(ended: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(ended.folder)]) == 0
    assert "ana  query: A query of yours was ended after 16 min." in capsys.readouterr().out
    assert main(["watch", str(ended.folder), "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)["interventions"]
    assert (one["person"], one["what"], one["times"]) == ("ana", "query", 1)


def test_nothing_ended_is_said_so(empty_cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with admin(empty_cluster.state) as database:
        assert database.execute("SELECT count(*) FROM watch.intervention").fetchone() == (0,)
    assert main(["watch", str(empty_cluster.folder)]) == 0
    assert "ended nothing" in capsys.readouterr().err
