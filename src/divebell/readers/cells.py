"""Decide the type of a column of spreadsheet cells, which come typed one by one, and turn them into it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from divebell.event.model import ColumnType
from divebell.readers import hinted
from divebell.readers.profile import is_code_name
from divebell.readers.texts import NA_IN_NUMBERS, NA_IN_TEXT, Texts

Cell = Any
"""str, int, float, bool, date, datetime, time or timedelta; "" for an empty cell."""
ERRORS = frozenset({"#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#N/A", "#GETTING_DATA"})


@dataclass
class Profile:
    """What kinds of cells a column holds; grows row by row."""

    name: str
    type: ColumnType | None = None
    """What a person says that the column holds."""
    kinds: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    example: str | None = None
    hinted: hinted.Profile | None = field(init=False)

    def __post_init__(self) -> None:
        given = self.type not in {None, ColumnType.TEXT}
        self.hinted = hinted.Profile(self.name, self.type) if self.type and given else None

    def see(self, cells: Sequence[Cell]) -> None:
        """Take in some of the column's cells."""
        if self.hinted is not None:
            self.hinted.see(texts(cells))
        for cell in cells:
            kind = kind_of(cell)
            self.kinds[kind] += 1
            if kind == "missing" and cell not in {"", None}:
                self.missing[str(cell).strip()] += 1
            if kind == "text" and self.example is None:
                self.example = str(cell)


def kind_of(cell: Cell) -> str:
    """Name the kind of one cell."""
    if cell is None:
        return "missing"
    if isinstance(cell, str):
        stripped = cell.strip()
        return "missing" if not stripped or stripped in NA_IN_NUMBERS else "text"
    if isinstance(cell, bool):
        return "bool"
    if isinstance(cell, int | float):
        whole = float(cell).is_integer() and abs(cell) < 2**53
        return "int" if whole else "float"
    if isinstance(cell, dt.datetime):
        midnight = cell.time() == dt.time()
        return "date" if midnight else "time"
    return "date" if isinstance(cell, dt.date) else "other"


@dataclass(frozen=True)
class Decision:
    """How one column of cells is read."""

    name: str
    type: pa.DataType
    notes: tuple[tuple[str, str], ...]
    told: hinted.Told | None = None


def decide(profile: Profile) -> Decision:
    """Choose the type that fits every cell, or the one that a person gave; text when they differ."""
    if profile.hinted is not None:
        told = profile.hinted.told()
        given = (*_missing_notes(profile, text=False), *profile.hinted.notes())
        return Decision(profile.name, told.arrow, given, told)
    return _decide(profile)


def _decide(profile: Profile) -> Decision:
    keep_text = profile.type is ColumnType.TEXT
    kinds = {kind for kind in profile.kinds if kind != "missing"}
    notes = _missing_notes(profile, text="text" in kinds or keep_text)
    if keep_text or not kinds:
        return Decision(profile.name, pa.string(), notes)
    if kinds == {"bool"}:
        return Decision(profile.name, pa.bool_(), notes)
    if kinds <= {"date", "time"}:
        return Decision(profile.name, pa.date32() if kinds == {"date"} else pa.timestamp("us"), notes)
    if kinds == {"int"}:
        return Decision(profile.name, pa.string() if is_code_name(profile.name) else pa.int64(), notes)
    if kinds <= {"int", "float"}:
        return Decision(profile.name, pa.float64(), notes)
    if len(kinds) > 1:
        example = f"'{(profile.example or '')[:40]}'" if profile.example else ""
        notes = (
            *notes,
            ("its cells are of several kinds (numbers, dates, text), so the column is text", example),
        )
    return Decision(profile.name, pa.string(), notes)


def _missing_notes(profile: Profile, *, text: bool) -> tuple[tuple[str, str], ...]:
    spelt = [one for one in profile.missing if not text or one in NA_IN_TEXT or one in ERRORS]
    errors = [one for one in spelt if one in ERRORS]
    others = [one for one in spelt if one not in ERRORS]
    notes = []
    if errors:
        notes.append(("formulas that failed were read as missing values (NULL)", ", ".join(errors)))
    if others:
        shown = ", ".join(f"'{one}'" for one in others)
        notes.append(("NA spellings were read as missing values (NULL)", shown))
    return tuple(notes)


def convert(cells: Sequence[Cell], decision: Decision) -> pa.Array:
    """Turn cells into the decided type; what counts as missing becomes null."""
    if decision.told is not None:
        return hinted.convert(texts(cells), decision.told)
    if decision.type == pa.string():
        return pa.array([_text_or_none(cell) for cell in cells], pa.string())
    kept = [None if kind_of(cell) == "missing" else cell for cell in cells]
    if decision.type == pa.int64():
        return pa.array([None if cell is None else int(cell) for cell in kept], pa.int64())
    if decision.type == pa.date32():
        return pa.array(
            [cell.date() if isinstance(cell, dt.datetime) else cell for cell in kept], pa.date32()
        )
    if pa.types.is_timestamp(decision.type):
        return pa.array([_moment(cell) for cell in kept], decision.type)
    return pa.array(kept, decision.type)


def _moment(cell: Cell) -> dt.datetime | None:
    if cell is None or isinstance(cell, dt.datetime):
        return cell
    return dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a spreadsheet has no time zones


def _text_or_none(cell: Cell) -> str | None:
    spelt = text(cell)
    stripped = spelt.strip()
    return None if not stripped or stripped in NA_IN_TEXT or stripped in ERRORS else spelt


def text(cell: Cell) -> str:
    """Write a cell as a person would: whole numbers without a point, days without a time."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)


def texts(cells: Sequence[Cell]) -> Texts:
    """Write a column of cells as a person would."""
    return Texts(pa.array([text(cell) for cell in cells], pa.string()))
