"""Read an event file: every problem in one go, each with file, line, key and what was expected."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML

from divebell.errors import DivebellError
from divebell.event.model import Event


def load_event(path: Path) -> Event:
    """Read and validate the event file at `path` (a file, or a folder that holds `event.yaml`)."""
    file = path / "event.yaml" if path.is_dir() else path
    try:
        return Event.model_validate(YAML(typ="safe", pure=True).load(file))
    except ValidationError as error:
        raise DivebellError(str(error)) from error
