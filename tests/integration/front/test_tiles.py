"""Tiles through nginx: kept, and only for those who may see them."""

import os
import signal
import time

import pytest

from divebell.database import connect
from live import nobody_starts_it_again, until
from mvt import features
from volunteer import Browser

TILE = "/services/event/tiles/data.counties/4/3/6.mvt"


@pytest.fixture(scope="module")
def visitor(served):
    """Somebody who has signed in, with the cookies of nginx's address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(served.front.authority))
        browser = Browser(served.front.url)
        browser.claim("dora", served.event.password)
        assert browser.follow("/services/event/").status_code == 200
        yield browser.client
        browser.client.close()


def kept(answer):
    return answer.headers.get("x-cache")


def test_a_tile_is_made_once_and_then_kept(visitor):
    first, second = visitor.get(TILE), visitor.get(TILE)
    assert (first.status_code, second.status_code) == (200, 200)
    assert kept(second) == "HIT"
    assert features(second) == features(first)
    assert second.headers["content-encoding"] == "gzip"
    assert "set-cookie" not in second.headers
    assert "private" in second.headers["cache-control"]
    again = visitor.get(TILE, headers={"If-None-Match": second.headers["etag"]})
    assert again.status_code == 304


def test_a_browser_that_unpacks_nothing_gets_it_unpacked(visitor):
    visitor.get(TILE)
    plain = visitor.get(TILE, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert features(plain)


def test_nobody_gets_a_kept_tile_without_signing_in(served, visitor):
    assert visitor.get(TILE).status_code == 200
    with served.front.client() as stranger:
        answer = stranger.get(TILE)
        assert answer.status_code == 401
        assert answer.json()["error"] == "Sign in first."
        stranger.cookies.set("divebell-event", "guess", domain="localhost")
        assert stranger.get(TILE).status_code == 401
        odd = stranger.get(TILE.replace("data.counties", "x/../data.counties"))
        assert odd.status_code in {401, 404}


def test_a_layer_that_is_not_there_is_named_by_the_web_app(visitor):
    answer = visitor.get(TILE.replace("counties", "nowhere"))
    assert answer.status_code == 404
    assert "no such layer" in answer.json()["error"]


def test_a_changed_table_shows_long_before_its_kept_tiles_are_old(served, visitor):
    with connect(served.event.state, "event_loader", autocommit=True) as loader:

        def swap(places):
            with loader.transaction():
                loader.execute("DROP TABLE IF EXISTS data.one_place")
                loader.execute(
                    "CREATE TABLE data.one_place AS SELECT id, ST_Point(10 * id, 10, 4326)::geometry(Point, 4326) "
                    "AS geom FROM generate_series(1, %s) id",
                    (places,),
                )
                loader.execute("NOTIFY catalogue")

        swap(1)
        place = "/services/event/tiles/data.one_place/0/0/0.mvt"

        def shown():
            answer = visitor.get(place)
            return len(features(answer)) if answer.status_code == 200 else 0

        until(lambda: shown() == 1, "the new table is not drawn")
        until(lambda: kept(visitor.get(place)) == "HIT", "it is not kept")
        swap(2)
        until(lambda: shown() == 2, "the change is not drawn")
        loader.execute("DROP TABLE data.one_place")


def test_tiles_go_on_while_the_web_app_starts_again(served, visitor):
    until(lambda: time.time() % 600 < 560, "", 60)  # an answer counts until the next full ten minutes
    ten_minutes = time.time() // 600
    assert kept(visitor.get(TILE)) in {"HIT", "MISS"}
    until(lambda: kept(visitor.get(TILE)) == "HIT", "the tile is not kept")
    first, seen = served.pid("web"), []
    with served.front.client() as stranger:

        def is_back():
            answers = visitor.get(TILE).status_code, stranger.get(TILE).status_code
            if time.time() // 600 == ten_minutes:
                seen.append(answers)
            return visitor.get("/services/event/health").status_code == 200

        with nobody_starts_it_again(served.event):
            os.kill(first, signal.SIGKILL)
            until(lambda: not is_back(), "the web app was not killed")
            assert not is_back()
        until(is_back, "the web app did not come back")
    assert {mine for mine, _ in seen} == {200}
    assert 200 not in {theirs for _, theirs in seen}
    assert any(theirs >= 500 for _, theirs in seen)  # it was away while tiles went on


def test_a_person_who_signs_out_gets_no_more_tiles(served, trusting):
    browser = Browser(served.front.url)
    browser.claim("edda", served.event.password)
    browser.follow("/services/event/")
    assert browser.client.get(TILE).status_code == 200
    browser.client.cookies.clear()
    assert browser.client.get(TILE).status_code == 401
    browser.client.close()


def test_many_at_once_ask_for_a_tile_once(served, visitor):
    from concurrent.futures import ThreadPoolExecutor

    address = TILE.replace("4/3/6", "5/7/12")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: visitor.get(address), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert [kept(answer) for answer in answers].count("MISS") == 1


def test_files_of_the_pages_are_kept_for_everybody_and_without_cookies(served, visitor):
    page = visitor.get("/services/event/")
    address = next(word.split('"')[1] for word in page.text.split("href=") if "/static/" in word)
    with served.front.client() as stranger:
        first = stranger.get(address)
        assert first.status_code == 200
        assert "immutable" in first.headers["cache-control"]
        assert "set-cookie" not in first.headers
        web = served.pid("web")
        with nobody_starts_it_again(served.event):
            os.kill(web, signal.SIGKILL)
            until(lambda: stranger.get("/services/event/health").status_code != 200, "web was not killed")
            assert stranger.get(address).status_code == 200
        until(lambda: stranger.get("/services/event/health").status_code == 200, "web did not come back")
