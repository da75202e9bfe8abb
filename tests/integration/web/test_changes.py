"""Open maps are told of what changes, within two seconds and without a restart."""

import json
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest

from divebell.tiles.changes import EACH, EVERY
from divebell.tiles.layers import MAX_AGE
from live import until

MINE = (
    "CREATE TABLE v_ana.{name} AS SELECT 1 AS id, 2.5::float8 AS score,"
    " ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom"
)


class Heard:
    """What a stream said so far."""

    def __init__(self):
        self.events = []
        self.ended = threading.Event()

    def wait_for(self, kind, name=None, *, seconds=60.0):
        began = time.monotonic()
        while True:
            for event in self.events:
                if event[0] == kind and name in {None, event[1].get("name")}:
                    self.events.remove(event)
                    return event[1]
            assert time.monotonic() - began < seconds, (kind, name, self.events)
            time.sleep(0.02)


@contextmanager
def listening(client, *names):
    heard = Heard()
    query = "&".join(f"layer={name}" for name in names)

    with client.stream("GET", f"tiles/changes?{query}") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")

        def read():
            kind = None
            with suppress(httpx.HTTPError, httpx.StreamError):  # the test has closed it
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        kind = line.removeprefix("event: ")
                    elif line.startswith("data: "):
                        heard.events.append((kind, json.loads(line.removeprefix("data: "))))
            heard.ended.set()

        threading.Thread(target=read, daemon=True).start()
        yield heard


@pytest.fixture
def ana(volunteer):
    with volunteer("ana") as connection:
        connection.execute("DROP TABLE IF EXISTS v_ana.live")
        yield connection
        connection.execute("DROP TABLE IF EXISTS v_ana.live")


def test_a_machine_that_keeps_up_tells_within_two_seconds():
    assert MAX_AGE + EVERY < 2


def test_an_open_map_hears_of_a_table_made_changed_and_dropped(ana, client):
    with listening(client, "v_ana.live") as heard:
        assert heard.wait_for("layers") == {"v_ana.live": None}
        ana.execute(MINE.format(name="live"))
        first = heard.wait_for("changed", "v_ana.live")["version"]
        assert client.get("tiles/v_ana.live.json").json()["divebell"]["version"] == first
        ana.execute("INSERT INTO v_ana.live VALUES (2, 3.5, ST_SetSRID(ST_MakePoint(6, 6), 4326))")
        second = heard.wait_for("changed", "v_ana.live")["version"]
        ana.execute("UPDATE v_ana.live SET score = 9 WHERE id = 1")
        third = heard.wait_for("changed", "v_ana.live")["version"]
        ana.execute("DELETE FROM v_ana.live WHERE id = 2")
        fourth = heard.wait_for("changed", "v_ana.live")["version"]
        assert len({first, second, third, fourth}) == 4
        ana.execute("DROP TABLE v_ana.live")
        heard.wait_for("gone", "v_ana.live")


def test_the_tile_itself_is_new_once_the_change_is_told(ana, client, features):
    ana.execute(MINE.format(name="live"))
    until(lambda: client.get("tiles/v_ana.live.json").status_code == 200, "the table is no layer")
    [one] = features(client.get("tiles/v_ana.live/0/0/0.mvt?column=score"))
    assert one["value"] == 2.5
    with listening(client, "v_ana.live") as heard:
        heard.wait_for("layers")  # else the change may be in what is told first
        ana.execute("UPDATE v_ana.live SET score = 4")
        heard.wait_for("changed")
        [one] = features(client.get("tiles/v_ana.live/0/0/0.mvt?column=score"))
        assert one["value"] == 4


def test_sharing_and_taking_back_is_told_to_others(ana, site):
    ana.execute(MINE.format(name="live"))
    with site.client("ben") as ben, listening(ben, "v_ana.live") as heard, listening(ben) as all_heard:
        assert heard.wait_for("layers") == {"v_ana.live": None}
        assert "v_ana.live" not in all_heard.wait_for("layers")
        ana.execute("GRANT SELECT ON v_ana.live TO event_reader")
        heard.wait_for("changed", "v_ana.live")
        all_heard.wait_for("changed", "v_ana.live")
        ana.execute("REVOKE SELECT ON v_ana.live FROM event_reader")
        heard.wait_for("gone", "v_ana.live")
        all_heard.wait_for("gone", "v_ana.live")


def test_a_dataset_loaded_anew_is_told(table, client):
    name = table("reloaded", "SELECT 1 AS id, ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom")
    with listening(client, name) as heard:
        heard.wait_for("layers")
        table("reloaded", "SELECT 2 AS id, ST_SetSRID(ST_MakePoint(6, 6), 4326) AS geom")
        heard.wait_for("changed", name)


def test_a_view_changes_with_the_table_beneath_it(ana, client):
    ana.execute(MINE.format(name="live"))
    ana.execute("CREATE VIEW v_ana.above AS SELECT * FROM v_ana.live")
    ana.execute("GRANT SELECT ON v_ana.above TO event_reader")
    time.sleep(1.1)
    before = client.get("tiles/versions?layer=v_ana.above").json()["v_ana.above"]
    assert client.get("tiles/versions?layer=v_ana.above").json()["v_ana.above"] == before
    time.sleep(1.1)  # a session tells its counters once a second
    ana.execute("UPDATE v_ana.live SET score = 8")
    until(
        lambda: client.get("tiles/versions?layer=v_ana.above").json()["v_ana.above"] != before,
        "the view has the same version",
    )
    ana.execute("DROP VIEW v_ana.above")


def test_versions_say_the_same_when_asked(ana, client):
    ana.execute(MINE.format(name="live"))
    time.sleep(1.1)
    answer = client.get("tiles/versions?layer=v_ana.live&layer=data.nothing").json()
    assert answer["data.nothing"] is None
    assert answer["v_ana.live"] == client.get("tiles/v_ana.live.json").json()["divebell"]["version"]


def test_one_person_has_only_so_many_streams_and_the_oldest_ends(site):
    from contextlib import ExitStack

    with ExitStack() as stack:
        streams = [
            stack.enter_context(listening(stack.enter_context(site.client("dora")), "data.nothing"))
            for _ in range(EACH + 1)
        ]
        streams[0].wait_for("full")
        assert streams[0].ended.wait(60)
        assert not any(stream.ended.is_set() for stream in streams[1:])


def test_too_many_names_are_refused(client):
    query = "&".join(f"layer=data.t{number}" for number in range(51))
    assert client.get(f"tiles/changes?{query}").status_code == 400
    assert client.get(f"tiles/versions?{query}").status_code == 400
