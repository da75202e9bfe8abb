"""The map page's plain functions, run in the browser they are for."""

import itertools
import json

import pytest

from browser import chromium
from signed_in import ROOT


@pytest.fixture(scope="module")
def run(site):
    """Give the function that runs an expression with a module's names."""
    with chromium() as driver:
        driver.get(f"{site.address}{ROOT}static/icon.svg")

        def expression(module, code, *arguments):
            script = (
                f"const done = arguments[arguments.length - 1], given = arguments;"
                f" import('{ROOT}static/map/{module}.js').then((m) => done(JSON.stringify({code})),"
                " (error) => done(JSON.stringify('failed: ' + error)))"
            )
            return json.loads(driver.execute_async_script(script, *arguments))

        yield expression


ROUND_TRIP = "m.encode(m.decode(given[0], 'data.a'), 'data.a')"


@pytest.mark.parametrize(
    "hash_",
    [
        "column=rate&scheme=quantiles&k=5",
        "column=&opacity=0.5",
        "column=rate&scheme=diverging&k=7&palette=RdBu&size=people&stat=sum&min=-1.5&max=1e21&shown=no",
        "column=kind&scheme=quantiles&k=5&only=&only=a%20%26%20b&only=%3Cimg%20onerror%3D1%3E",
        "layer=v_ana.b&column=x&scheme=equal&k=9&layer=data.a&column=&layer=data.~T2Rk",
        "layer=",
    ],
)
def test_what_the_address_keeps_comes_back_as_it_was(run, hash_):
    assert run("state", ROUND_TRIP, f"#{hash_}").replace("e%2B", "e") == hash_


@pytest.mark.parametrize(
    "hash_",
    [
        "k=77&scheme=jenks&opacity=lots&min=&max=Infinity&stat=median",
        "k=&&&=&%%%&column",
        "opacity=NaN&view=3/1/2",
        "",
    ],
)
def test_half_an_address_still_shows_a_map(run, hash_):
    [layer] = run("state", "m.decode(given[0], 'data.a')", hash_)
    assert layer == {**run("state", "m.usual('data.a')"), "column": layer["column"]}


def test_a_layer_named_twice_is_one_layer(run):
    layers = run("state", "m.decode('layer=data.a&layer=data.b&layer=data.a&k=3', 'data.a')")
    assert [one["slug"] for one in layers] == ["data.a", "data.b"]


def classes(*bounds):
    return [{"lower": a, "upper": b, "count": 1} for a, b in itertools.pairwise(bounds)]


def luminance(colour):
    return sum(weight * int(colour[i : i + 2], 16) for weight, i in ((0.2126, 1), (0.7152, 3), (0.0722, 5)))


@pytest.mark.parametrize("palette", ["YlGnBu", "OrRd", "Purples", "viridis", "unheard of"])
@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_more_is_darker_in_every_palette(run, palette, count):
    colours = run("colours", "m.coloursOf(given[0], given[1])", classes(*range(count + 1)), palette)
    assert len(set(colours)) == count
    light = [luminance(one) for one in colours]
    assert light == sorted(light, reverse=True)


def test_classes_on_both_sides_of_zero_get_two_hues_equally_strong(run):
    colours = run("colours", "m.coloursOf(given[0], 'PuOr')", classes(-20, -10, 0, 10, 20))
    far, near = (
        abs(luminance(colours[0]) - luminance(colours[3])),
        luminance(colours[1]) - luminance(colours[0]),
    )
    assert near > far
    assert run("colours", "m.palettes(given[0])", classes(-1, 0, 1)) == ["PuOr", "RdBu", "BrBG"]
    lopsided = run("colours", "m.coloursOf(given[0], 'PuOr')", classes(-1, 0, 1, 2, 3, 4))
    assert luminance(lopsided[0]) > luminance(lopsided[-1])


def test_a_class_around_zero_is_neutral(run):
    assert run("colours", "m.coloursOf(given[0], 'RdBu')", classes(-5, -1, 1, 5))[1] == "#f7f7f7"


def test_categories_have_colours_of_their_own_and_then_share_one(run):
    colours = run("colours", "m.coloursOfCategories(14)")
    assert len(set(colours[:11])) == 11
    assert len(set(colours[11:])) == 1


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        ({"classes": classes(0, 0.5, 1), "discrete": False}, ["0 to 0.5", "over 0.5 to 1"]),
        ({"classes": classes(1e15, 2e15), "discrete": False}, ["1E15 to 2E15"]),
        ({"classes": [{"lower": 3, "upper": 3, "count": 9}], "discrete": True}, ["3"]),
        ({"classes": classes(2e-7, 4e-7), "discrete": False}, ["2E-7 to 4E-7"]),
    ],
)
def test_a_class_is_named_as_exactly_as_it_needs(run, breaks, words):
    assert run("numbers", "given[0].classes.map((_, i) => m.range(given[0], i))", breaks) == words


@pytest.mark.parametrize(
    "value", ["javascript:alert(1)", "http://", "data:text/html,x", "see https://a.example"]
)
def test_only_a_web_address_becomes_a_link(run, value):
    assert run("dom", "typeof m.shown(given[0])", value) == "string"
    assert run("dom", "m.shown('https://a.example/x?y=<b>').rel") == "noopener noreferrer nofollow"


def test_what_a_file_says_of_its_origin_is_words_not_html(run):
    said = run(
        "background",
        "m.plain(given[0])",
        '<a href="https://a.example" onclick=x>© A</a><img src=x onerror=y>',
    )
    assert said == "© A"


def test_a_frame_for_a_report_cannot_be_broken_out_of(run):
    frame = run("sharing", "m.frame('https://a.example/maps/data.x#column=\"><script>', '\"><b>')")
    assert "<script>" not in frame
    assert frame.count("<") == 2
    assert "embed=1" in frame


@pytest.mark.parametrize(
    ("numeric", "expected"),
    [(True, "?column=rate&by=kind&min=1"), (False, "?column=rate&by=kind&only=a&only=b")],
)
def test_a_tiles_address_says_by_which_column_rows_are_chosen(run, numeric, expected):
    choice = {"column": "rate", "size": "", "stat": "mean", "by": "kind", "min": 1, "max": None}
    choice["only"] = ["a", "b"]
    assert run("service", "m.asked(given[0], given[1], '')", choice, numeric) == expected
    bare = {**choice, "min": None, "only": None}
    assert run("service", "m.asked(given[0], given[1], '')", bare, numeric) == "?column=rate"


def test_the_address_of_a_page_keeps_by_which_column_rows_are_chosen(run):
    hash_ = "column=&by=rate&min=3"
    assert run("state", ROUND_TRIP, f"#{hash_}") == hash_
