import pytest
from pydantic import ValidationError

from divebell.event.maps import Background, Maps
from divebell.event.model import Event
from divebell.portal.policy import map_policy


@pytest.mark.parametrize(
    ("value", "kind", "origin"),
    [
        (None, Background.OWN, None),
        ("https://tile.example.org/{z}/{x}/{y}.png?key=1", Background.RASTER, "https://tile.example.org"),
        ("https://example.org:8443/style.json", Background.STYLE, "https://example.org:8443"),
        ("maps/streets.pmtiles", Background.PMTILES, None),
    ],
)
def test_a_background_is_known_by_its_form(value, kind, origin):
    maps = Maps(background=value, attribution="© Somebody")
    assert (maps.kind, maps.origin) == (kind, origin)


@pytest.mark.parametrize(
    "value",
    [
        "streets",
        "/etc/passwd",
        "../streets.pmtiles",
        "/srv/streets.pmtiles",
        "file:streets.pmtiles",
        "https://example.org/{z}/{x}.png",
        "ftp://example.org/style.json",
        "https://example.org/style.json; script-src *",
        "https://example.org/ style.json",
        "javascript:alert(1)",
        "",
    ],
)
def test_anything_else_is_refused_with_what_was_expected(value):
    with pytest.raises(ValidationError, match=r"PMTiles file beside the event file"):
        Maps(background=value, attribution="© Somebody")


def test_tiles_of_pictures_need_words_on_whose_they_are():
    with pytest.raises(ValidationError, match="attribution"):
        Maps(background="https://tile.example.org/{z}/{x}/{y}.png")


def policy(embedded=False, **maps):
    event = Event.model_validate({"name": "E", "data": {"repository": "r"}, "maps": maps})
    return dict(part.split(" ", 1) for part in map_policy(event, embedded=embedded).split("; "))


def test_a_map_may_ask_the_host_of_its_background_and_no_other():
    tiles = policy(background="https://tile.example.org/{z}/{x}/{y}.png", attribution="x")
    assert tiles["connect-src"] == "'self' https://tile.example.org"
    assert policy()["connect-src"] == policy(background="a.pmtiles")["connect-src"] == "'self'"
    assert policy(background="https://example.org/style.json")["img-src"] == "'self' data: blob: https:"
    assert all(one["script-src"] == "'self'" for one in (tiles, policy()))


def test_only_a_public_maps_frame_may_stand_in_other_sites_pages():
    assert policy(embedded=True, public=True)["frame-ancestors"] == "*"
    for embedded, public in ((False, True), (True, False), (False, False)):
        assert policy(embedded=embedded, public=public)["frame-ancestors"] == "'self'"
