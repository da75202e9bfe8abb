"""Look at a workbook before it is opened: would it fill the memory, and what the cells' values do not say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from divebell.errors import DivebellError
from divebell.readers.claims import head, refuse_imposter
from divebell.readers.sheetcodes import CodeColumn, code_columns, column_number
from divebell.readers.sheetmerges import Span
from divebell.readers.sheetparts import parts_of

_MOST_CELLS = 30_000_000
"""A sheet is opened whole, at about 70 bytes for each cell of the rectangle it spans."""
_MOST_UNPACKED = 2 << 30
_REFERENCE = re.compile(rb"""\sr=["']([A-Za-z]{1,3})(\d{1,7})["']""")
_NO_RESULT = re.compile(rb'<c(?![^>]* t="str")[^>]*><f(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v ?/>|<v></v>)?</c>')
_FAILED = re.compile(rb"""t=["']e["']""")
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_CELLS = frozenset({f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"})


@dataclass(frozen=True)
class SheetLook:
    """What was found out about one sheet."""

    told: tuple[str, ...] = ()
    codes: dict[int, CodeColumn] = field(default_factory=dict)
    """The columns whose numbers are shown as codes, by their number from 0 (.xlsx only)."""
    merged: tuple[Span, ...] = ()
    """The cells that are merged over several rows (.ods only: others tell when they are open)."""


@dataclass(frozen=True)
class Look:
    """What a workbook is, by its content, and what was found out about its sheets."""

    named_right: bool
    """Whether the ending of the file says what it is."""
    sheets: dict[str, SheetLook] = field(default_factory=dict)

    def at(self, sheet: str) -> SheetLook:
        """Give what was found out about a sheet."""
        return self.sheets.get(sheet) or SheetLook()


def check(path: Path) -> Look:
    """Look at a workbook and its sheets.

    Raises DivebellError when it is no workbook, damaged, locked, or far too large when it is unpacked.
    """
    start, suffix = head(path), path.suffix.lower()
    if not start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        refuse_imposter(path, "Excel workbook")
        raise DivebellError(
            f"{path.name} is no Excel workbook",
            next_step="if it is text, give it the ending .csv; else save it again",
        )
    if not start.startswith(b"PK"):
        return Look(suffix == ".xls")
    try:
        with zipfile.ZipFile(path) as archive:
            if _is_open_document(suffix, archive):
                return Look(suffix == ".ods", _open_document(path, archive))
            _refuse_binary(path, archive)
            return Look(suffix in {".xlsx", ".xlsm"}, _sheets(path, archive))
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        KeyError,
        ET.ParseError,
    ) as error:
        raise DivebellError(
            f"{path.name} is damaged or locked with a password: {error}",
            next_step="save it again without a password",
        ) from error


def _is_open_document(suffix: str, archive: zipfile.ZipFile) -> bool:
    members = set(archive.namelist())
    return "content.xml" in members or (suffix == ".ods" and "[Content_Types].xml" not in members)


def _refuse_binary(path: Path, archive: zipfile.ZipFile) -> None:
    if "xl/workbook.bin" in archive.namelist():
        raise DivebellError(
            f"{path.name} is a binary Excel workbook (.xlsb)", next_step="save it as .xlsx or CSV"
        )


def _sheets(path: Path, archive: zipfile.ZipFile) -> dict[str, SheetLook]:
    parts = parts_of(archive)
    inside = {one for one in archive.namelist() if one.startswith("xl/worksheets/") and one.endswith(".xml")}
    told = {}
    for member in sorted(inside | set(parts.sheets.values())):
        with archive.open(member) as sheet:
            told[member] = _formulas(*_sheet(path, sheet))
    looks = {}
    for name, member in parts.sheets.items():
        codes = {}
        if parts.codes:
            with archive.open(member) as sheet:
                codes = code_columns(sheet, parts.codes)
        looks[name] = SheetLook(told[member], codes)
    return looks


def _formulas(failed: int, unknown: int) -> tuple[str, ...]:
    said = []
    if failed:
        said.append(f"{failed:,} formulas in this sheet failed; their cells are empty (NULL)")
    if unknown:
        said.append(
            f"{unknown:,} formulas in this sheet have no result in the file; their cells are empty (NULL) "
            f"until it is opened and saved in Excel or LibreOffice"
        )
    return tuple(said)


def _sheet(path: Path, sheet: IO[bytes]) -> tuple[int, int]:
    """Read one sheet's XML within limits; count its failed formulas and those without a result."""
    rows = columns = unpacked = failed = unknown = 0
    kept = b""
    while chunk := sheet.read(1 << 20):
        unpacked += len(chunk)
        seen = kept + chunk
        failed += sum(1 for one in _FAILED.finditer(seen) if one.end() > len(kept))
        unknown += sum(1 for one in _NO_RESULT.finditer(seen) if one.end() > len(kept))
        for letters, row in _REFERENCE.findall(seen):
            rows, columns = max(rows, int(row)), max(columns, column_number(letters))
        kept = chunk[-500:]
        if unpacked > _MOST_UNPACKED or rows * columns > _MOST_CELLS:
            raise _spans(path, rows, columns)
    return failed, unknown


def _open_document(path: Path, archive: zipfile.ZipFile) -> dict[str, SheetLook]:
    """Find merged cells; refuse a sheet whose repeated rows and cells would fill the memory."""
    if archive.getinfo("content.xml").file_size > _MOST_UNPACKED:
        raise _spans(path, 0, 0)
    looks, table = {}, _OpenTable()
    with archive.open("content.xml") as content:
        for _, element in ET.iterparse(content):  # noqa: S314 - expat limits what entities expand to
            if element.tag == f"{_TABLE}table":
                looks[element.get(f"{_TABLE}name", "")] = SheetLook(merged=tuple(table.merged))
                table = _OpenTable()
            else:
                table.take(element)
            if table.down.filled * table.widest > _MOST_CELLS:
                raise _spans(path, table.down.filled, table.widest)
            if element.tag.startswith(_TABLE):
                element.clear()
    return looks


class _OpenTable:
    """Takes the elements of an OpenDocument table; knows how far it reaches and what is merged."""

    def __init__(self) -> None:
        self.down, self._right, self.widest = _Span(), _Span(), 0
        self.merged: list[Span] = []

    def take(self, element: ET.Element) -> None:
        if element.tag in _CELLS:
            filled = bool(len(element)) or any(name.endswith("}value") for name in element.attrib)
            if (height := _count(element, "rows-spanned")) > 1:
                self.merged.append((self.down.all, self.down.all + height - 1, self._right.all))
            self._right.add(_count(element, "columns-repeated"), filled=filled)
        elif element.tag == f"{_TABLE}table-row":
            self.down.add(_count(element, "rows-repeated"), filled=self._right.filled > 0)
            self.widest, self._right = max(self.widest, self._right.filled), _Span()


class _Span:
    """How far a row or sheet reaches: to the last that is filled."""

    def __init__(self) -> None:
        self.filled = self.all = 0

    def add(self, count: int, *, filled: bool) -> None:
        self.all += count
        self.filled = self.all if filled else self.filled


def _count(element: ET.Element, what: str) -> int:
    count = element.get(f"{_TABLE}number-{what}", "1")
    return int(count) if count.isdigit() else 1


def _spans(path: Path, rows: int, columns: int) -> DivebellError:
    return DivebellError(
        f"{path.name} has a sheet that spans {rows:,} rows and {columns:,} columns: "
        f"more than the {_MOST_CELLS // 1_000_000} million cells a sheet may have",
        next_step="save the sheet as CSV, which may be far larger, or delete stray cells far from the table",
    )
