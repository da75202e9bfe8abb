"""The published JSON Schema follows the model."""

from __future__ import annotations

from pathlib import Path

from divebell.event.explain import LATER, LATER_VALUES
from divebell.event.model import Event
from divebell.event.schema import event_schema, schema_text

PUBLISHED = Path(__file__).parents[3] / "docs" / "reference" / "event.schema.json"


def test_the_published_schema_is_that_of_the_model():
    assert PUBLISHED.read_text() == schema_text(), "run `make docs`"


def test_the_schema_knows_every_section_and_refuses_other_keys():
    schema = event_schema()
    assert set(schema["properties"]) == set(Event.model_fields)
    assert schema["required"] == ["name", "data"]
    assert all(not section["additionalProperties"] for section in (schema, *sections(schema)))


def test_what_comes_later_is_not_in_the_model_yet():
    keys = event_schema()["properties"]
    assert not [path for path in LATER if len(path) == 1 and path[0] in keys]
    assert "swarm" in LATER_VALUES["workspace", "runs_in"]


def sections(schema):
    return [section for section in schema["$defs"].values() if section["type"] == "object"]
