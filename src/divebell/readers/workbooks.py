"""Look at a workbook before it is opened: would it fill the memory, and do its formulas have results."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import IO

from divebell.errors import DivebellError
from divebell.readers.claims import head, refuse_imposter

_MOST_CELLS = 60_000_000
_MOST_UNPACKED = 2 << 30
_REFERENCE = re.compile(rb'<c[^>]*? r="([A-Z]{1,3})(\d{1,7})"')
_NO_RESULT = re.compile(rb'<c(?![^>]* t="str")[^>]*><f(?:[^>]*/>|[^>]*>[^<]*</f>)(?:<v ?/>|<v></v>)?</c>')
_FAILED = b' t="e"'
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_CELLS = frozenset({f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"})


def check(path: Path) -> tuple[str, ...]:
    """Give what to say about a workbook's formulas (.xlsx only).

    Raises DivebellError when it is no workbook, damaged, locked, or far too large when it is unpacked.
    """
    start = head(path)
    if not start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        refuse_imposter(path, "Excel workbook")
        raise DivebellError(
            f"{path.name} is no Excel workbook",
            next_step="if it is text, give it the ending .csv; else save it again",
        )
    if not start.startswith(b"PK"):
        return ()
    try:
        with zipfile.ZipFile(path) as archive:
            if path.suffix.lower() == ".ods":
                _refuse_repeats(path, archive)
                return ()
            return _formulas(path, archive)
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


def _formulas(path: Path, archive: zipfile.ZipFile) -> tuple[str, ...]:
    failed = unknown = 0
    for info in archive.infolist():
        if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml"):
            with archive.open(info) as sheet:
                more = _sheet(path, sheet)
            failed, unknown = failed + more[0], unknown + more[1]
    said = []
    if failed:
        said.append(f"{failed:,} formulas in this workbook failed; their cells are empty (NULL)")
    if unknown:
        said.append(
            f"{unknown:,} formulas in this workbook have no result in the file; their cells are empty (NULL) "
            f"until it is opened and saved in Excel or LibreOffice"
        )
    return tuple(said)


def _sheet(path: Path, sheet: IO[bytes]) -> tuple[int, int]:
    """Read one sheet's XML within limits; count its failed formulas and those without a result."""
    rows = columns = unpacked = failed = unknown = 0
    kept = b""
    while chunk := sheet.read(1 << 20):
        unpacked += len(chunk)
        failed += chunk.count(_FAILED)
        seen = kept + chunk
        unknown += sum(1 for one in _NO_RESULT.finditer(seen) if one.end() > len(kept))
        for letters, row in _REFERENCE.findall(seen):
            rows, columns = max(rows, int(row)), max(columns, _column_number(letters))
        kept = chunk[-500:]
        if unpacked > _MOST_UNPACKED or rows * columns > _MOST_CELLS:
            raise _spans(path, rows, columns)
    return failed, unknown


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _refuse_repeats(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an OpenDocument sheet whose repeated rows and cells would fill the memory."""
    if archive.getinfo("content.xml").file_size > _MOST_UNPACKED:
        raise _spans(path, 0, 0)
    down, right, widest = _Span(), _Span(), 0
    with archive.open("content.xml") as content:
        for _, element in ET.iterparse(content):  # noqa: S314 - expat limits what entities expand to
            if element.tag in _CELLS:
                filled = bool(len(element)) or any(name.endswith("}value") for name in element.attrib)
                right.add(_repeated(element, "columns"), filled=filled)
            elif element.tag == f"{_TABLE}table-row":
                down.add(_repeated(element, "rows"), filled=right.filled > 0)
                widest, right = max(widest, right.filled), _Span()
            elif element.tag == f"{_TABLE}table":
                down, widest = _Span(), 0
            if down.filled * widest > _MOST_CELLS:
                raise _spans(path, down.filled, widest)
            if element.tag.startswith(_TABLE):
                element.clear()


class _Span:
    """How far a row or sheet reaches: to the last that is filled."""

    def __init__(self) -> None:
        self.filled = self._all = 0

    def add(self, count: int, *, filled: bool) -> None:
        self._all += count
        self.filled = self._all if filled else self.filled


def _repeated(element: ET.Element, what: str) -> int:
    count = element.get(f"{_TABLE}number-{what}-repeated", "1")
    return int(count) if count.isdigit() else 1


def _spans(path: Path, rows: int, columns: int) -> DivebellError:
    return DivebellError(
        f"{path.name} has a sheet that spans {rows:,} rows and {columns:,} columns: too many",
        next_step="delete the stray cells far from the table, or save the sheet as CSV",
    )
