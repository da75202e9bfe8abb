"""dBASE tables, looked at as bytes: what GDAL would read as something else, or leave out without a word."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from divebell.errors import DivebellError
from divebell.readers.moments import parse
from divebell.readers.notes import together

_ROWS = 1 << 16
_EXACT_DIGITS = 18
_GUESSED = (
    "its text is not UTF-8; it was read as Windows (cp1252): check names with accents, and give the "
    "encoding in the event file if they look wrong"
)
_OTHERWISE = {"mac-roman": "MACINTOSH", "shift_jis": "SHIFT_JIS", "tis-620": "TIS-620"}
"""Encodings that Python and GDAL call by different names."""
_UNSAID = np.frombuffer(b" ?\x00", np.uint8)
"""What stands in a column of yes and no where neither is said; GDAL takes a blank for no."""
_PLAIN = np.zeros(256, bool)
_PLAIN[[0, 32, *b"0123456789.-"]] = True

_Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Field:
    name: str
    kind: str
    start: int
    width: int
    decimals: int

    def cells(self, records: _Bytes) -> _Bytes:
        """Give the bytes of this column, a row for each record."""
        return records[:, self.start : self.start + self.width]

    @property
    def long(self) -> bool:
        """Whether it may hold whole numbers that GDAL would round."""
        return self.kind == "N" and not self.decimals and self.width > _EXACT_DIGITS


@dataclass
class _Found:
    """What is wrong in one column."""

    overflows: int = 0
    starred: int = 0
    """Cells that are full of stars: what is too long is written so, but what is missing too."""
    misfits: list[int] = field(default_factory=list)
    """Records whose number or date is none."""
    example: str = ""
    whole: bool = True
    """Whether all numbers are whole and of at most 18 digits."""

    def notes(self, kind: str) -> list[tuple[str, str]]:
        notes = []
        if self.overflows:
            sentence = "numbers that were too long for the column were saved as '***'; they are empty (NULL)"
            notes.append((sentence, f"{self.overflows:,} times"))
        if self.starred:
            sentence = "numbers that are missing, or were too long for the column, were saved as '***' (NULL)"
            notes.append((sentence, f"{self.starred:,} times"))
        if self.misfits:
            what = "days that are in no calendar" if kind == "D" else "values that are no numbers"
            notes.append(
                (f"{what} were left empty (NULL)", f"{len(self.misfits):,}, such as '{self.example}'")
            )
        return notes


class Table:
    """A dBASE table, for what GDAL does not tell. Raises DivebellError when its header is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            head = file.read(32)
            if len(head) < 32:
                raise DivebellError(f"{path.name} is cut off", next_step="commit the complete file")
            self.language = head[29]
            self._begin = int.from_bytes(head[8:10], "little")
            self._size = int.from_bytes(head[10:12], "little")
            listed = file.read(max(self._begin - 32, 0))
        told = int.from_bytes(head[4:8], "little")
        self.rows = min(told, (path.stat().st_size - self._begin) // self._size) if self._size else 0
        self.missing = told - self.rows
        self.fields = tuple(_fields(listed, self._size))
        self.ascii = True
        self.deleted = 0
        self._accents = self._misfits = 0
        self._found = [_Found() for _ in self.fields]
        for first, records in self._chunks():
            self._look(first, records)

    def encoding(self, declared: str) -> tuple[str | None, tuple[str, ...]]:
        """Choose the encoding: the one `declared`, unless all its text says otherwise; and what to tell."""
        if self.ascii:
            return None, ()
        declared = declared.strip().lower()
        if self._accents > self._misfits:
            labelled = "utf" in declared and "8" in declared
            return "UTF-8", () if labelled else (
                "its text is not labelled as UTF-8, which it is; read as UTF-8",
            )
        if "utf" not in declared and (known := _known(declared)):
            return known, ()
        if declared or not self.language:
            return "CP1252", (_GUESSED,)
        return None, ()

    def warnings(self) -> tuple[str, ...]:
        """Say what is wrong with its values."""
        notes = [
            (one.name, found.notes(one.kind)) for one, found in zip(self.fields, self._found, strict=True)
        ]
        said = list(together(notes))
        if self.deleted:
            said.append(
                f"{self.deleted:,} rows of the attribute table are marked as deleted; they were left out"
            )
        if self.missing > 0:
            said.append(f"the attribute table is cut off: {self.missing:,} of its rows are missing")
        return tuple(said)

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """Give the schema of repaired batches."""
        for at, one, found in self._columns(schema):
            if one.long:
                wanted = pa.int64() if found.whole else pa.string()
                schema = schema.set(at, schema.field(at).with_type(wanted))
        return schema

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Put right what GDAL made of impossible numbers and dates, and of long whole numbers."""
        arrays, fixed = list(batch.columns), False
        numbers = np.asarray(batch.column(0))
        for at, one, found in self._columns(batch.schema):
            if one.long:
                arrays[at], fixed = self._exact(one, numbers, found), True
            elif one.kind == "L":
                unsaid = np.isin(self._cells(one, numbers)[:, 0], _UNSAID)
                arrays[at] = pc.if_else(pa.array(unsaid), pa.scalar(None, arrays[at].type), arrays[at])
                fixed = True
            elif found.misfits:
                wrong = np.isin(numbers, found.misfits)
                arrays[at] = pc.if_else(pa.array(wrong), pa.scalar(None, arrays[at].type), arrays[at])
                fixed = True
        if not fixed:
            return batch
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema(batch.schema))

    def _columns(self, schema: pa.Schema) -> Iterator[tuple[int, _Field, _Found]]:
        """Pair GDAL's columns with those of the file; none where they do not agree."""
        if [one.name for one in schema][1 : len(self.fields) + 1] and len(schema) > len(self.fields):
            yield from zip(range(1, len(self.fields) + 1), self.fields, self._found, strict=True)

    def _exact(self, one: _Field, numbers: npt.NDArray[np.int64], found: _Found) -> pa.Array:
        text = _texts(self._cells(one, numbers))
        bad = np.isin(numbers, found.misfits) | np.asarray(pc.match_substring(text, "*"))
        text = pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), text)
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        return text.cast(pa.int64()) if found.whole else text

    def _cells(self, one: _Field, numbers: npt.NDArray[np.int64]) -> _Bytes:
        """Give the bytes of some records in one column; blanks where there is no such record."""
        inside = numbers < self.rows
        cells = np.full((len(numbers), one.width), 32, np.uint8)
        cells[inside] = one.cells(self._records()[numbers[inside]])
        return cells

    def _records(self) -> _Bytes:
        if not self.rows:
            return np.zeros((0, self._size), np.uint8)
        return np.memmap(self.path, np.uint8, "r", self._begin, (self.rows, self._size))

    def _chunks(self) -> Iterator[tuple[int, _Bytes]]:
        """Read the records in parts, which do not stay in memory."""
        with self.path.open("rb") as file:
            file.seek(self._begin)
            for first in range(0, self.rows, _ROWS):
                count = min(_ROWS, self.rows - first)
                yield first, np.frombuffer(file.read(count * self._size), np.uint8).reshape(-1, self._size)

    def _look(self, first: int, records: _Bytes) -> None:
        self.deleted += int((records[:, 0] == ord("*")).sum())
        if records.max() > 127:
            self.ascii = False
            decoded = records.tobytes().decode("utf-8", errors="replace")
            misfits = decoded.count("\N{REPLACEMENT CHARACTER}")
            self._misfits += misfits
            self._accents += sum(1 for letter in decoded if ord(letter) > 127) - misfits
        for one, found in zip(self.fields, self._found, strict=True):
            if one.kind in {"N", "F"}:
                _look_at_numbers(one, found, first, records)
            elif one.kind == "D" and one.width == 8:
                _look_at_days(one, found, first, records)


def _fields(listed: bytes, size: int) -> Iterator[_Field]:
    start = 1
    for at in range(0, len(listed) - 31, 32):
        if listed[at] in {0x0D, 0}:
            return
        width, decimals = listed[at + 16], listed[at + 17]
        kind = chr(listed[at + 11])
        if kind == "C":
            width, decimals = width + 256 * decimals, 0
        if start + width > size:
            return
        name = listed[at : at + 11].split(b"\x00")[0].decode("cp1252", errors="replace")
        yield _Field(name, kind, start, width, decimals)
        start += width


def _look_at_numbers(one: _Field, found: _Found, first: int, records: _Bytes) -> None:
    cells = one.cells(records)
    plain = _PLAIN[cells]
    odd = ~plain.all(axis=1)
    dash = cells == ord("-")
    if dash[:, 1:].any():
        odd |= (dash[:, 1:] & (cells[:, :-1] != 32) & (cells[:, :-1] != 0)).any(axis=1)
    points = cells == ord(".")
    if one.decimals or points.any():
        odd |= points.sum(axis=1) > 1
    for row in np.flatnonzero(odd & (records[:, 0] != ord("*"))):
        value = cells[row].tobytes().strip(b" \x00").decode("cp1252", errors="replace")
        if value == "*" * one.width:
            found.starred += 1
        elif value.startswith("*"):
            found.overflows += 1
        elif not _is_number(value):
            found.example = found.example or value[:40]
            found.misfits.append(first + int(row))
    if one.long and found.whole:
        text = _texts(cells).filter(pa.array(~odd))
        found.whole = not (
            pc.any(pc.invert(pc.match_substring_regex(text, r"^(-?\d{1,18})?$"))).as_py() or odd.any()
        )


def _look_at_days(one: _Field, found: _Found, first: int, records: _Bytes) -> None:
    text = _texts(one.cells(records))
    absent = pc.is_in(text, value_set=pa.array(["", "0", "00000000"]))
    spaced = pc.replace_substring_regex(text, r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
    unread = pc.is_null(parse(spaced, "iso date"))
    wrong = np.asarray(pc.and_(unread, pc.invert(absent))) & (records[:, 0] != ord("*"))
    if wrong.any():
        rows = np.flatnonzero(wrong)
        found.example = found.example or text[int(rows[0])].as_py()
        found.misfits += (rows + first).tolist()


def _texts(cells: _Bytes) -> pa.Array:
    """Give cells as strings without the blanks around them."""
    whole = np.ascontiguousarray(np.where(cells < 128, cells, ord("?")))
    array = pa.Array.from_buffers(pa.binary(cells.shape[1]), len(cells), [None, pa.py_buffer(whole)])
    return pc.utf8_trim(array.cast(pa.binary()).cast(pa.string()), characters=" \x00")


def _is_number(value: str) -> bool:
    try:
        return value == "" or ("_" not in value and np.isfinite(float(value.replace(",", "."))))
    except ValueError:
        return False


def _known(declared: str) -> str | None:
    """Give the name by which GDAL knows an encoding, however it is spelt; None for no encoding."""
    pages = re.fullmatch(r"(?:ansi|oem|windows|win|ibm|dos|cp)?[ _-]*(\d{3,5})", declared)
    parts = re.fullmatch(r"(?:iso)?[ _-]*8859[ _-]*(\d{1,2})", declared)
    name = f"iso8859-{parts[1]}" if parts else f"cp{pages[1]}" if pages else declared
    try:
        found = codecs.lookup(name).name if name else "ascii"
    except LookupError:
        return None
    if found in {"ascii", "utf-8"}:
        return None
    return _OTHERWISE.get(found, found.upper().replace("ISO8859", "ISO-8859").replace("_", "-"))
