"""What the portal says of people's own copies of the repository, and who may say it."""

import psycopg
import pytest

from divebell.database import connect
from divebell.workspace.copy_plan import Verdict
from divebell.workspace.copy_words import Arrived, Standing
from divebell.workspace.reporting import report

TELL = "CALL copies.tell(%s, %s, %s, %s, %s, %s, %s)"
FINE = [12, 2, 0, 0, [], "", ""]


@pytest.fixture(scope="module")
def ana(volunteer):
    with volunteer("ana") as connection:
        yield connection


@pytest.fixture(scope="module", autouse=True)
def tidy(cluster):
    yield
    with connect(cluster.state, "event_loader") as owner:
        owner.execute("DELETE FROM copies.state")


def test_ones_own_copy_is_told_in_words_on_the_front_door(site, client, ana):
    assert "Your copy of the event" not in client.get("").text
    ana.execute(TELL, FINE)
    page = client.get("").text
    assert "my-event</code></a> is up to date." in page
    assert "2 files are kept as yours." in page
    names = ["guide/<b>README</b>.md", "a.csv"]
    ana.execute(TELL, [12, 2, 30, 1, names, "Make room, then look again.", "1 new file: b.csv"])
    page = client.get("").text
    assert "30 files are in conflict" in page
    assert "guide/&lt;b&gt;README&lt;/b&gt;.md" in page
    assert "and 28 more" in page
    assert "Make room, then look again." in page
    assert "The event brought 1 new file: b.csv" in page
    with site.client("ben") as other, site.client() as stranger:
        assert "in conflict" not in other.get("").text + stranger.get("").text


def test_ambassadors_see_whose_copy_needs_somebody(site, ana, volunteer):
    with volunteer("ben") as ben:
        ben.execute(TELL, FINE)
    ana.execute(TELL, [12, 0, 1, 0, ["look.ipynb"], "", ""])
    with site.client("maria") as ambassador:
        page = ambassador.get("people").text
    table = page.partition('id="copies"')[2].partition("</table>")[0]
    assert "look.ipynb" in table
    assert ">ana</th>" in table
    assert ">ben</th>" not in table


def test_somebody_who_was_shut_out_is_no_copy_in_need(cluster, site, ana):
    ana.execute(TELL, [12, 0, 1, 0, ["look.ipynb"], "", ""])
    with connect(cluster.state, "event_loader", autocommit=True) as owner, site.client("maria") as ambassador:
        owner.execute(
            "INSERT INTO people.person (name, identity, state) VALUES ('ana', 'password:ana', 'removed')"
        )
        try:
            assert "look.ipynb" not in ambassador.get("people").text
        finally:
            owner.execute("DELETE FROM people.person WHERE name = 'ana'")


def test_what_the_event_brought_last_is_remembered(client, ana):
    ana.execute(TELL, [12, 0, 0, 0, [], "", "1 new file: c.csv"])
    ana.execute(TELL, FINE)
    assert "The event brought 1 new file: c.csv" in client.get("").text


def test_a_server_tells_how_a_copy_stands(cluster, client, ana, monkeypatch):
    info = ana.info
    for name, value in (
        ("PGHOST", info.host),
        ("PGPORT", str(info.port)),
        ("PGDATABASE", info.dbname),
        ("PGUSER", info.user),
        ("PGPASSWORD", info.password),
    ):
        monkeypatch.setenv(name, value)
    odd = "odd \udcff\0 name.csv"
    report(Standing(3, {odd: Verdict.CONFLICT}, (), {"b": "No space left"}, Arrived(("a.csv",))))
    page = client.get("").text
    assert "odd ? name.csv" in page
    assert "The event brought 1 new file: a.csv" in page
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(OSError, match="password"):
        report(Standing(3))


def test_nobody_says_anything_about_another(cluster, ana):
    for statement in (
        "SELECT * FROM copies.state",
        "INSERT INTO copies.state (name) VALUES ('ben')",
        "UPDATE copies.state SET conflicts = 0",
        "DELETE FROM copies.state",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ana.execute(statement)
    ana.execute("SET ROLE volunteers")
    ana.execute(TELL, FINE)
    ana.execute("RESET ROLE")
    with connect(cluster.state, "event_loader") as owner:
        rows = owner.execute("SELECT name, yours FROM copies.state WHERE name = 'ana'").fetchall()
    assert rows == [("ana", 2)]
    with connect(cluster.state, "event_hub") as hub, pytest.raises(psycopg.errors.InsufficientPrivilege):
        hub.execute(TELL, FINE)


@pytest.mark.parametrize(
    "said",
    [
        [-1, 0, 0, 0, [], "", ""],
        [1, 0, 0, 0, ["x"] * 21, "", ""],
        [1, 0, 0, 0, ["x" * 5000], "", ""],
        [1, 0, 0, 0, [], "x" * 201, ""],
        [1, 0, 0, 0, [], "", "x" * 501],
        [1, 0, 0, 0, [None], "", ""],
    ],
)
def test_what_would_fill_the_event_is_refused(ana, said):
    with pytest.raises(psycopg.errors.IntegrityError):
        ana.execute(TELL, said)
