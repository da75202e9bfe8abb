"""Names, sizes and links of what is shared."""

import pytest

from divebell.gallery.rules import (
    Kind,
    Refused,
    View,
    check_map,
    check_path,
    kind_of,
    slug_of,
    title_of,
    view_of,
)


@pytest.mark.parametrize(
    ("path", "kind", "view", "title"),
    [
        ("a/jobs_by_county.ipynb", Kind.NOTEBOOK, View.PAGE, "jobs by county"),
        ("a/map.HTML", Kind.FILE, View.SCRIPTS, "map.HTML"),
        ("chart.PNG", Kind.FILE, View.PICTURE, "chart.PNG"),
        ("notes.md", Kind.FILE, View.PAGE, "notes.md"),
    ],
)
def test_a_name_says_what_it_is_and_how_it_is_shown(path, kind, view, title):
    assert (kind_of(path), view_of(kind, path), title_of(path)) == (kind, view, title)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Jobs by County!", "jobs-by-county"), ("Übersicht", "ubersicht"), ("地図", "work"), ("--", "work"), ("a" * 200, "a" * 60)],
)  # fmt: skip
def test_a_slug_is_plain(name, slug):
    assert slug_of(name) == slug


def test_names_are_kept_in_one_form():
    assert check_path("Zu\u0308rich.md") == "Z\u00fcrich.md"


@pytest.mark.parametrize(
    "part", [".git", "..", "a\u200b.txt", "a\u202etxt", "con:", "git~1", " a", "a ", "-x", "a\t"]
)
def test_names_that_trouble_a_repository_are_refused(part):
    with pytest.raises(Refused):
        check_path(f"folder/{part}/x")


@pytest.mark.parametrize(
    ("link", "name", "view"),
    [
        ("/services/event/maps/data.counties", "data.counties", ""),
        (
            "https://e.example/services/event/maps/v_ana.%C3%BCber?embed=1#5/1/2&k=3",
            "v_ana.über",
            "5/1/2&k=3",
        ),
    ],
)
def test_the_link_of_a_map_is_read(link, name, view):
    found = check_map(link)
    assert (found.name, found.view) == (name, view)
    assert type(found).of(found.contents()) == found
    assert found.url.startswith("/services/event/maps/")


@pytest.mark.parametrize(
    "link",
    ["", "x", "/services/event/people", "/services/event/maps/a/b", "/services/event/maps/a%2fb", "http://[", "/services/event/maps/a#\u202e"],
)  # fmt: skip
def test_other_links_are_refused(link):
    with pytest.raises(Refused):
        check_map(link)
