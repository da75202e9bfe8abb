"""Who sees what without and with a sign-in, and what forms and headers hold."""

import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from divebell.database import connect
from divebell.event.model import Maps

sys.path.insert(0, str(Path(__file__).parents[2]))

from signed_in import COOKIE, ROOT, serving

PAGES = ("", "data/x", "maps/data.x", "people")
MACHINE = ("tiles/data.x.json", "tiles/data.x/0/0/0.mvt", "preview/data.x.svg", "api/datasets")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_sends_a_stranger_to_sign_in(site, path):
    with site.client() as stranger:
        answer = stranger.get(path)
    assert answer.status_code == 302
    where = urlsplit(answer.headers["location"])
    assert (where.netloc, where.path) == ("", "/hub/api/oauth2/authorize")
    asked = parse_qs(where.query)
    assert asked["client_id"] == ["service-event"]
    assert asked["redirect_uri"] == [f"{ROOT}oauth_callback"]
    assert asked["code_challenge_method"] == ["S256"]


@pytest.mark.parametrize("path", MACHINE)
def test_data_is_not_given_to_a_stranger(site, path):
    with site.client() as stranger:
        answer = stranger.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"] == "Sign in first."


def test_a_forged_cookie_is_no_sign_in(site):
    with site.client("ana") as someone:
        value = someone.cookies[COOKIE]
    with site.client() as forger:
        forger.cookies.set(COOKIE, value[:-4] + "AAAA")
        assert forger.get("api/datasets").status_code == 401


def test_public_maps_are_readable_and_nothing_else_is(cluster):
    with serving(cluster, maps=Maps(public=True)) as site, site.client() as stranger:
        assert stranger.get("").status_code == 200
        assert "Sign in" in stranger.get("").text
        assert stranger.get("api/datasets").status_code == 200
        assert stranger.get("tiles/data.nothing.json").status_code == 404
        assert stranger.get("people").status_code == 302
        assert stranger.post("people/reset", data={"name": "ana"}).status_code == 401
        assert stranger.post("api/datasets").status_code == 401


@pytest.mark.parametrize(
    "path", ["tiles/data.wells/{}/0/0.mvt", "tiles/data.wells/feature/{}", "api/shared/{}"]
)
def test_a_number_too_long_to_be_one_is_refused_in_words(site, path):
    with site.client("ana") as ana:
        answer = ana.get(path.format("9" * 5000))
    assert answer.status_code == 414
    assert answer.json() == {"error": "This address is too long."}


def test_health_needs_no_sign_in(site):
    with site.client() as stranger:
        assert stranger.get("health").json() == {"status": "ok"}


def test_only_ambassadors_see_people(site):
    with site.client("ana") as ana, site.client("maria") as maria:
        assert ana.get("people").status_code == 403
        assert (
            ana.post(
                "people/reset", data={"token": "form-ana", "name": "maria", "confirmed": "yes"}
            ).status_code
            == 403
        )
        assert maria.get("people").status_code == 200


def test_a_reset_is_asked_for_confirmed_and_done(site, cluster):
    with connect(cluster.state, "event_hub") as hub:
        hub.execute(
            "INSERT INTO people.person (name, identity, return_code_hash) VALUES ('olga', 'password:olga', 'x') ON CONFLICT DO NOTHING"
        )
    form = {"token": "form-maria", "name": "olga"}
    with site.client("maria") as maria:
        assert "Give olga a new start?" in maria.post("people/reset", data=form).text
        assert code_of(cluster, "olga") is not None
        done = maria.post("people/reset", data={**form, "confirmed": "yes"}, follow_redirects=True)
        assert "claims the name anew" in done.text
        assert code_of(cluster, "olga") is None
        assert (
            maria.post("people/reset", data={**form, "name": "nobody", "confirmed": "yes"}).status_code == 409
        )


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"token": "wrong", "name": "olga", "confirmed": "yes"}, {}),
        ({"name": "olga", "confirmed": "yes"}, {}),
        (
            {"token": "form-maria", "name": "olga", "confirmed": "yes"},
            {"Origin": "https://elsewhere.example"},
        ),
        ({"token": "form-maria", "name": "olga", "confirmed": "yes"}, {"Sec-Fetch-Site": "cross-site"}),
    ],
)
def test_forms_from_elsewhere_do_nothing(site, form, headers):
    with site.client("maria") as maria:
        assert maria.post("people/reset", data=form, headers=headers).status_code == 403


def test_the_callback_refuses_what_it_did_not_begin(site):
    with site.client() as stranger:
        answer = stranger.get("oauth_callback?code=x&state=y", headers={"Accept": "text/html"})
    assert answer.status_code == 403
    assert "Open the event" in answer.text


def test_every_answer_carries_the_security_headers(site):
    with site.client("ana") as ana:
        for path in ("", "health", "static/portal.css", "nothing", "api/datasets"):
            headers = ana.get(path, headers={"Accept": "text/html"}).headers
            assert "script-src 'self'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(site):
    with site.client() as stranger:
        cookie = stranger.get("").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert f"path={ROOT}" in cookie


def test_no_page_has_inline_script_or_style(site):
    with site.client("maria") as maria:
        for path in ("", "people", "nothing"):
            text = maria.get(path, headers={"Accept": "text/html"}).text
            assert "<script>" not in text
            assert "style=" not in text
            assert "onclick" not in text


def code_of(cluster, name):
    with connect(cluster.state, "event_hub") as hub:
        return hub.execute("SELECT return_code_hash FROM people.person WHERE name = %s", (name,)).fetchone()[
            0
        ]
