"""The JSON Schema of event files, for editors."""

from __future__ import annotations

import json
from typing import Any

from divebell.event.model import Event


def event_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) that an event file follows.

    It is a little looser than `load_event`, which also knows time zones, git addresses and the calendar.
    """
    schema = Event.model_json_schema(mode="validation")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "divebell event file",
    }


def schema_text() -> str:
    """Give the schema as it is kept in the documentation."""
    return json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n"
