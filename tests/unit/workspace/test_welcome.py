"""The welcome notebook for whatever an event has loaded."""

from __future__ import annotations

import ast

import nbformat
import pytest

from divebell.workspace.welcome import Column, Table, notebook, number_to_show, table_to_draw


def table(name, rows, geometry, *columns):
    return Table(name, rows, geometry, tuple(Column(*column) for column in columns))


def code_of(made):
    return [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize(
    "tables",
    [
        [],
        [table("plain", 5, None, ("a", "int64"))],
        [table("counties", 3000, "MultiPolygon", ("geoid", "string"), ("rate", "double"))],
        [table("odd \"name'\n", 3, "Point", ('it\'s "odd"\\', "double"))],
        [table("bare", 3, "LineString")],
    ],
)
def test_any_catalogue_gives_a_sound_notebook(tables):
    made = notebook("An *event*", "", "/services/event/", tables)
    nbformat.validate(nbformat.from_dict(made))
    for source in code_of(made):
        if not source.startswith("%"):
            ast.parse(source)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])


def test_areas_with_a_measure_are_drawn_before_anything_else():
    tables = [
        table("points", 90_000, "Point", ("value", "double")),
        table("areas", 3000, "MultiPolygon", ("geoid", "int64"), ("people", "int64"), ("rate", "double")),
        table("bare_areas", 80_000, "MultiPolygon", ("name", "string")),
        table("empty_areas", 0, "MultiPolygon", ("rate", "double")),
    ]
    chosen = table_to_draw(tables)
    assert chosen is not None
    assert (chosen[0].name, chosen[1].name) == ("areas", "rate")


@pytest.mark.parametrize(
    "name", ["id", "gid", "GEOID", "state_fips", "STATEFP", "zip", "objectid", "latitude", "year"]
)
def test_an_identifier_is_not_a_measure(name):
    assert number_to_show(table("t", 1, "Point", (name, "int64"))) is None


def test_nothing_loaded_is_said():
    made = notebook("Event", "", "/p/", [])
    assert any("Nothing with a location is loaded yet" in cell["source"] for cell in made["cells"])
