"""Members of JSON objects become columns: their types over all values, then Arrow arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from msgspec import UNSET

from divebell.errors import DivebellError
from divebell.event.model import ColumnType, DatasetHint
from divebell.readers import hinted
from divebell.readers.features import Features, Huge, Literal
from divebell.readers.grid import MOST_COLUMNS
from divebell.readers.model import Column
from divebell.readers.names import column_names
from divebell.readers.notes import together
from divebell.readers.texts import Texts

_WHOLE_FLOATS = 1 << 53
_LONGEST = 1 << 63
_NOTHING = type(None)


@dataclass(frozen=True)
class Field:
    """One column and where its values come from."""

    column: Column
    key: str | None
    """The member of each object; None for the features' own ids."""
    told: hinted.Told | None = None


@dataclass
class _Values:
    """What all values of one member have in common; grows batch by batch."""

    kinds: set[type] = field(default_factory=set)
    long: bool = False
    """Whether a whole number needs more than 64 bits."""
    inexact: bool = False
    """Whether a whole number would change as a float."""
    profile: hinted.Profile | None = None

    def see(self, values: Sequence[Any]) -> None:
        kinds = set(map(type, values))
        kinds.discard(_NOTHING)
        if Literal in kinds:
            kinds = kinds - {Literal} | {float}
        self.kinds |= kinds
        if int in kinds and not (self.long and self.inexact):
            whole = [value for value in values if type(value) is int]
            most, least = max(whole), min(whole)
            self.long = self.long or most >= _LONGEST or least < -_LONGEST
            self.inexact = self.inexact or most > _WHOLE_FLOATS or least < -_WHOLE_FLOATS
        if self.profile is not None:
            self.profile.see(as_texts(values))

    @property
    def type(self) -> pa.DataType:
        if self.kinds == {bool}:
            return pa.bool_()
        if self.kinds == {int} and not self.long:
            return pa.int64()
        if float in self.kinds and self.kinds <= {int, float} and not self.inexact:
            return pa.float64()
        return pa.string()

    def notes(self) -> list[tuple[str, str]]:
        if self.profile is not None:
            return self.profile.notes() if self.profile.type is not ColumnType.TEXT else []
        if Huge in self.kinds or (self.kinds <= {int, float} and self.kinds and self.type == pa.string()):
            return [("the numbers have more digits than any number type keeps, so they stay text", "")]
        kinds = sorted({_SPOKEN.get(one, "lists and objects") for one in self.kinds})
        if len(kinds) > 1 and self.type == pa.string():
            return [("values of several kinds are kept as text", " and ".join(kinds))]
        return []


_SPOKEN = {str: "text", bool: "true/false", int: "numbers", float: "numbers", Huge: "numbers"}


@dataclass
class Records:
    """The members of all objects seen."""

    hint: DatasetHint
    name: str
    """The file's name, for messages."""
    rows: int = 0
    members: dict[str, _Values] = field(default_factory=dict)
    ids: _Values = field(default_factory=_Values)
    counting: bool = True
    """Whether ids only count the rows from 0."""
    repeated: bool = True
    """Whether ids only repeat a member of that name."""

    def see(self, features: Features) -> dict[str, list[Any]]:
        """Take in a run of objects; give the values of each member."""
        found = features.properties
        for key in dict.fromkeys(chain.from_iterable(found)):
            if key not in self.members:
                self._add(key)
        columns = {key: [one.get(key) for one in found] for key in self.members}
        for key, values in columns.items():
            self.members[key].see(values)
        self._see_ids(features.ids, columns.get("id"))
        self.rows += len(found)
        return columns

    def _add(self, key: str) -> None:
        if len(self.members) >= MOST_COLUMNS:
            raise DivebellError(
                f"{self.name} has more than {MOST_COLUMNS:,} columns; PostgreSQL takes at most 1,600",
                next_step=f"split it into layers of at most {MOST_COLUMNS:,} columns",
            )
        kind = hinted.hinted_type(self.hint, key, key)
        profile = None if kind is None else hinted.Profile(key, kind)
        self.members[key] = _Values(profile=profile)
        if profile is not None and self.rows:
            profile.see(Texts(pa.array([""])))

    def _see_ids(self, ids: list[Any], same: list[Any] | None) -> None:
        if all(one is UNSET for one in ids):
            self.counting = self.counting and not self.ids.kinds
            return
        values = [None if one is UNSET else one for one in ids]
        first = self.rows
        self.counting = (
            self.counting
            and (bool(self.ids.kinds) or not first)
            and all(map(_counts, values, range(first, first + len(values))))
        )
        self.repeated = self.repeated and same is not None and all(map(_alike, values, same))
        self.ids.see(values)

    def fields(self) -> tuple[tuple[Field, ...], tuple[str, ...]]:
        """Give the columns, and what to say of them."""
        keys: list[str | None] = list(self.members)
        if self.ids.kinds and not self.counting and not (self.repeated and "id" in self.members):
            keys = [*keys, None] if "id" in self.members else [None, *keys]
        originals = ["id" if key is None else key for key in keys]
        names, warnings = column_names(originals)
        fields = tuple(map(self._field, keys, names, originals))
        notes = together(
            (original, self._of(key).notes()) for key, original in zip(keys, originals, strict=True)
        )
        return fields, (*warnings, *notes)

    def _of(self, key: str | None) -> _Values:
        return self.ids if key is None else self.members[key]

    def _field(self, key: str | None, name: str, original: str) -> Field:
        values = self._of(key)
        told = values.profile.told() if values.profile else None
        if told is None and hinted.hinted_type(self.hint, name, original) is ColumnType.TEXT:
            told = hinted.Told(ColumnType.TEXT)
        return Field(Column(name, original, told.arrow if told else values.type), key, told)

    def needs_literals(self, fields: Iterable[Field]) -> bool:
        """Whether decimals must keep their digits, since some become text."""
        return any(
            (one.told is not None or one.column.type == pa.string())
            and self._of(one.key).kinds & {float, Huge}
            for one in fields
        )


def convert(values: Sequence[Any], field: Field) -> pa.Array:
    """Turn a batch of values into a column's type."""
    target = field.column.type
    if field.told is not None and field.told.type is not ColumnType.TEXT:
        return hinted.convert(as_texts(values), field.told)
    if target == pa.string():
        return _texts(values)
    if target == pa.float64():
        try:
            return pa.array(values, target)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            return pa.array([None if one is None else float(one) for one in values], target)
    return pa.array(values, target)


def as_texts(values: Sequence[Any]) -> Texts:
    """Give values as text; empty where there is none."""
    return Texts(_texts(values, missing=""))


def _texts(values: Sequence[Any], missing: str | None = None) -> pa.Array:
    kinds = set(map(type, values))
    if missing is not None or not kinds <= {str, _NOTHING}:
        values = [missing if one is None else _text(one) for one in values]
    try:
        array = pa.array(values, pa.string())
    except UnicodeEncodeError:
        array = pa.array([None if one is None else _whole_letters(one) for one in values], pa.string())
    return pc.replace_substring(array, "\x00", "")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | list | dict):
        return json.dumps(_plain(value), ensure_ascii=False)
    return str(value)


def _plain(value: Any) -> Any:
    """Make numbers out of literals, within lists and objects."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return float(value) if isinstance(value, Literal) else value


def _whole_letters(text: str) -> str:
    """Put a mark in the place of halves of letters, which no encoding can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _counts(one: Any, row: int) -> bool:
    return bool(one == row if type(one) is int else type(one) is str and one == str(row))


def _alike(one: Any, other: Any) -> bool:
    return bool(one == other) or (one is not None and other is not None and str(one) == str(other))
