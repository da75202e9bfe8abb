"""The PATH argument that every command about one event takes."""

from __future__ import annotations

import argparse
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event import Event, State, load_event
from divebell.event.load import event_file, load_with_lines
from divebell.event.surroundings import require_folder


def add_event_argument(parser: argparse.ArgumentParser) -> None:
    """Add PATH: the event's folder or its event.yaml."""
    parser.add_argument(
        "path",
        nargs="?",
        type=Path,
        default=Path(),
        metavar="PATH",
        help="the event's folder, or its event.yaml (default: this folder)",
    )


def state_of(path: Path) -> State:
    """Give the state folder of the event at `path`. Raises DivebellError when there is no event."""
    file = event_file(path)
    if not file.is_file() or file.name != "event.yaml":
        raise DivebellError(f"there is no event.yaml at {path}", next_step=f"divebell init {path}")
    return State.beside(file)


def open_event(path: Path) -> tuple[Event, State]:
    """Load the event at `path` and give its state folder. Raises EventFileError with every problem."""
    state = state_of(path)
    return load_event(state.event_file), state


def open_event_with_data(path: Path) -> tuple[Event, State]:
    """Do as `open_event`; a folder of data that is not there is a problem too."""
    state = state_of(path)
    event, document = load_with_lines(state.event_file)
    require_folder(event, document, state.event_file)
    return event, state
