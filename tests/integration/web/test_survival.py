"""The web app outlives the database and says the truth meanwhile."""

import time

from divebell.database import prepare
from live import until
from signed_in import serving


def test_the_database_may_be_killed_under_the_web_app(make_event_folder, run_server, tmp_path):
    folder = make_event_folder(tmp_path / "event")
    with serving(folder) as site, site.client("ana", headers={"Accept": "text/html"}) as ana:
        assert ana.get("health").status_code == 503
        page = ana.get("")
        assert page.status_code == 503
        assert "starting again" in page.text
        assert page.headers["refresh"] == "3"
        with run_server(folder):
            prepare(folder.event, folder.state)
            until(lambda: ana.get("").status_code == 200, "no page, with the database")
            assert ana.get("health").status_code == 200
        assert ana.get("").status_code == 503
        assert ana.get("health").status_code == 503
        with run_server(folder):
            until(lambda: ana.get("").status_code == 200, "no page, with the database again")


def test_nobody_is_let_in_anew_while_the_hub_is_away(cluster):
    with serving(cluster) as site, site.client("ana", headers={"Accept": "text/html"}) as ana:
        assert ana.get("").status_code == 200
        site.app.state.sign_in.tokens._known.clear()  # as after a restart of the web app
        answer = ana.get("")
        assert answer.status_code == 503
        assert "starting again" in answer.text


def test_a_session_lives_on_while_the_hub_is_away(cluster):
    with serving(cluster) as site, site.client("ana") as ana:
        known = site.app.state.sign_in.tokens._known
        [(key, (_, name))] = known.items()
        known[key] = (time.monotonic() - 120, name)
        assert ana.get("api/datasets").status_code == 200
        known[key] = (time.monotonic() - 3600, name)
        assert ana.get("api/datasets").status_code == 503
