"""An event that runs is copied away, comes to harm, and is brought back where it was: people go on."""

import json

from divebell.database import admin
from live import bring_up, copy_example, divebell, live_event, until, wait_until_loaded
from volunteer import Browser


def test_an_event_that_was_harmed_is_brought_back_and_runs(tmp_path):
    store = tmp_path / "store"
    with live_event(copy_example(tmp_path / "example")) as event:
        wait_until_loaded(event, "states")
        browser = Browser(event.address.rstrip("/"))
        browser.claim("ana", event.password)
        browser.client.close()
        home = event.state.homes / "ana"
        home.mkdir(exist_ok=True)
        (home / "map.ipynb").write_text("{}")
        taken = divebell("backup", event.folder, "--to", store, "--json")
        assert taken.returncode == 0, taken.stderr
        with admin(event.state, autocommit=True) as database:
            database.execute("DROP TABLE data.states CASCADE")
            database.execute("DELETE FROM people.person")
        (home / "map.ipynb").unlink()
        unasked = divebell("restore", event.folder, "--from", store)
        assert unasked.returncode == 1
        back = divebell("restore", event.folder, "--from", store, "--yes", "--discard-newer", "--json")
        assert back.returncode == 0, back.stdout + back.stderr
        assert json.loads(back.stdout)["running"]
        again = bring_up(event.folder)
        assert again.password == event.password
        with admin(event.state) as database:
            assert database.execute("SELECT count(*) > 0 FROM data.states").fetchone() == (True,)
            assert database.execute("SELECT name FROM people.person").fetchall() == [("ana",)]
        assert (home / "map.ipynb").read_text() == "{}"
        until(lambda: event.status()[1]["ready"], "not all parts are ready")
