from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from divebell.event import EventFileError, load_event

LEAST = "name: A\ndata: {repository: .}\n"


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Give a function that writes an event file and returns its path."""

    def write(text: str) -> Path:
        file = tmp_path / "event.yaml"
        file.write_text(dedent(text), encoding="utf-8")
        return file

    return write


@pytest.fixture
def problems(written: Callable[[str], Path]) -> Callable[[str], list[str]]:
    """Give a function that loads a text and returns what is wrong, as `LINE: key: message`."""

    def find(text: str) -> list[str]:
        file = written(text)
        try:
            load_event(file)
        except EventFileError as error:
            return [str(problem).removeprefix(f"{file}:") for problem in error.problems]
        return []

    return find


@pytest.fixture
def with_line(problems: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Give a function that adds one line to the least event file and returns what is wrong."""
    return lambda line: problems(LEAST + line)


@pytest.fixture
def with_data(problems: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Give a function that puts one line below `data:` and returns what is wrong."""
    return lambda line: problems(f"name: A\ndata:\n  {line}\n")
