"""Personal tokens: made and revoked, good for reading alone, kept as hashes."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from divebell.credentials import hash_of, new_token
from divebell.database import admin, connect

sys.path.insert(0, str(Path(__file__).parents[2]))

PAGES = "", "people", "tokens", "data/data.x", "maps/data.x"


@pytest.fixture
def made(site, cluster):
    """Make a token of ana's on the portal's page, and give it."""
    with admin(cluster.state) as database:
        database.execute("DELETE FROM tokens.token")
    return make(site, "ana")


def make(site, name, label="QGIS"):
    with site.client(name) as browser:
        answer = browser.post("tokens/make", data={"token": f"form-{name}", "label": label})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.text.split('class="token">')[1].split("<")[0]


def asked(site, token, path="ogc/", method="GET", **options):
    with site.client() as program:
        return program.request(method, path, headers={"Authorization": f"Bearer {token}"}, **options)


def test_a_token_reads_as_bearer_and_as_a_password(site, made):
    assert asked(site, made).status_code == 200
    with site.client() as program:
        assert program.get("ogc/", auth=("ana", made)).status_code == 200
        assert program.get("ogc/", auth=(made, "")).status_code == 200
        assert program.get("ogc/", auth=("somebody", made)).status_code == 200


def test_a_program_is_asked_for_a_password_and_a_browser_to_sign_in(site):
    with site.client() as stranger:
        answer = stranger.get("ogc/")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert "tokens" in answer.json()["next_step"]
        assert stranger.get("ogc/", headers={"Accept": "text/html,*/*"}).status_code == 302


def test_a_signed_in_browser_needs_no_token(client):
    assert client.get("ogc/").status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_a_token_opens_no_page(site, made, path):
    assert asked(site, made, path).status_code in {302, 401}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["ogc/", "ogc/collections", "tokens/make", "tokens/revoke", "people/reset"])
def test_a_token_changes_nothing(site, made, method, path):
    assert asked(site, made, path, method).status_code in {401, 405}


def test_a_revoked_token_is_refused_at_once(site, made):
    with site.client("ana") as browser:
        page = browser.get("tokens").text
        number = page.split('name="id" value="')[1].split('"')[0]
        assert made not in page
        assert browser.post("tokens/revoke", data={"token": "form-ana", "id": number}).status_code == 303
    assert asked(site, made).status_code == 401


def test_nobody_revokes_the_token_of_another(site, made, cluster):
    with admin(cluster.state) as database:
        number = database.execute("SELECT id FROM tokens.token WHERE name = 'ana'").fetchone()[0]
    with site.client("ben") as other:
        assert other.post("tokens/revoke", data={"token": "form-ben", "id": str(number)}).status_code == 303
    assert asked(site, made).status_code == 200


@pytest.mark.parametrize("form", [{}, {"token": "wrong"}, {"token": "form-maria"}])
def test_a_token_is_made_on_our_own_page_alone(site, form):
    with site.client("ana") as browser:
        assert browser.post("tokens/make", data={**form, "label": "x"}).status_code == 403


def test_the_database_holds_only_hashes(site, made, cluster):
    with admin(cluster.state) as database:
        [row] = database.execute("SELECT * FROM tokens.token").fetchall()
    assert hash_of(made) in row
    assert made not in str(row)


def test_when_a_token_was_used_is_told(site, made, cluster):
    assert asked(site, made).status_code == 200
    with admin(cluster.state) as database:
        [(used,)] = database.execute("SELECT used_at FROM tokens.token").fetchall()
    assert datetime.now(UTC) - used < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ends", "age", "good"),
    [
        (None, "13 days", True),
        (None, "15 days", False),
        ("1 hour", "2 days", True),
        ("-1 hour", "2 days", False),
        ("-1 hour", "2 hours", True),
    ],
)
def test_a_token_ends_with_the_event(site, made, cluster, ends, age, good):
    with admin(cluster.state) as database:
        database.execute("UPDATE divebell.limits SET ends = now() + %s::interval", (ends,))
        database.execute("UPDATE tokens.token SET made_at = now() - %s::interval", (age,))
    try:
        assert (asked(site, made).status_code == 200) is good
    finally:
        with admin(cluster.state) as database:
            database.execute("UPDATE divebell.limits SET ends = NULL")


def test_a_person_has_ten_tokens_at_most(site, made):
    for number in range(9):
        make(site, "ana", f"number {number}")
    with site.client("ana") as browser:
        answer = browser.post("tokens/make", data={"token": "form-ana", "label": "one more"})
    assert answer.status_code == 403
    assert "Revoke" in answer.text


def test_a_name_that_is_reset_loses_its_tokens(site, made, cluster):
    with connect(cluster.state, "event_hub") as hub:
        hub.execute(
            "INSERT INTO people.person (name, identity, return_code_hash) VALUES ('ana', 'password:ana', 'x') ON CONFLICT DO NOTHING"
        )
    with admin(cluster.state) as database:
        database.execute("SELECT people.reset('ana')")
    assert asked(site, made).status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer x",
        "Basic",
        "Basic x",
        "Basic OjpfOg==",
        "Bearer divebell_" + "a" * 5000,
        "Digest x",
    ],
)
def test_broken_headers_let_nobody_in(site, header):
    with site.client() as stranger:
        assert stranger.get("ogc/", headers={"Authorization": header}).status_code in {401, 429}


def test_wrong_tokens_are_slowed_and_right_ones_are_not(cluster, made):
    from signed_in import serving

    with serving(cluster) as fresh:
        assert asked(fresh, made).status_code == 200
        answers = [asked(fresh, new_token()).status_code for _ in range(40)]
        assert answers.count(429) == 10
        assert asked(fresh, made).status_code == 200


def test_a_volunteer_makes_and_revokes_tokens_in_the_database(site, volunteer):
    token = new_token()
    with volunteer("ana") as ana:
        ana.execute("CALL tokens.make('by hand', %s)", (hash_of(token),))
        assert asked(site, token).status_code == 200
        [number] = [row[0] for row in ana.execute("SELECT id, label FROM tokens.mine") if row[1] == "by hand"]
        with volunteer("ben") as ben:
            ben.execute("CALL tokens.revoke(%s)", (number,))
            assert not ben.execute("SELECT FROM tokens.mine WHERE id = %s", (number,)).fetchall()
        assert asked(site, token).status_code == 200
        ana.execute("CALL tokens.revoke(%s)", (number,))
    assert asked(site, token).status_code == 401


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM tokens.token",
        "SELECT * FROM tokens.known",
        "CALL tokens.add('maria', 'x', decode(repeat('00', 32), 'hex'))",
        "INSERT INTO tokens.token (name, hash, label) VALUES ('maria', decode(repeat('00', 32), 'hex'), 'x')",
        "DELETE FROM tokens.token",
        "CREATE VIEW v_ben.trap AS SELECT tokens.make('x', decode(repeat('00', 32), 'hex'))",
        "CREATE VIEW v_ben.trap AS SELECT tokens.add('maria', 'x', decode(repeat('00', 32), 'hex'))",
        "CALL tokens.make(repeat('x', 500), decode(repeat('00', 32), 'hex'))",
        "CALL tokens.make('x', 'short')",
        "CREATE TABLE tokens.mine2 (x int)",
    ],
)
def test_a_volunteer_gets_no_token_of_somebody_else(volunteer, attack):
    with volunteer("ben") as ben, pytest.raises(psycopg.Error):
        ben.execute(attack)


def test_who_acts_as_another_role_still_makes_tokens_of_their_own(volunteer, cluster):
    with volunteer("ben") as ben:
        ben.execute("SET ROLE volunteers")
        ben.execute("CALL tokens.make('as volunteers', %s)", (hash_of(new_token()),))
    with admin(cluster.state) as database:
        rows = database.execute("SELECT name FROM tokens.token WHERE label = 'as volunteers'").fetchall()
    assert set(rows) == {("ben",)}


def test_a_notebook_makes_lists_and_ends_tokens(site, volunteer, cluster, monkeypatch):
    import divebell
    from divebell.errors import DivebellError

    with volunteer("cleo") as cleo:
        known = cleo.info.get_parameters()
        for name, value in (
            ("PGHOST", known["host"]),
            ("PGPORT", known["port"]),
            ("PGUSER", known["user"]),
            ("PGDATABASE", known["dbname"]),
            ("PGPASSWORD", cleo.info.password),
        ):
            monkeypatch.setenv(name, str(value))
    token = divebell.token("script")
    assert token not in repr(token)
    assert asked(site, str(token)).status_code == 200
    [one] = divebell.tokens()
    assert one.label == "script"
    divebell.revoke_token(one.id)
    assert asked(site, str(token)).status_code == 401
    with pytest.raises(DivebellError, match="you have no token"):
        divebell.revoke_token(one.id)
    for _ in range(10):
        divebell.token()
    with pytest.raises(DivebellError, match="ten tokens"):
        divebell.token()
