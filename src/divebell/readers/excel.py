"""Excel workbooks: a layer per sheet that holds something, cells as Excel typed them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import cells, grid
from divebell.readers.claims import head, refuse_imposter
from divebell.readers.hinted import hinted_type
from divebell.readers.model import GEOMETRY_COLUMN, Column, Layer
from divebell.readers.names import column_names
from divebell.readers.notes import together
from divebell.readers.placing import Places, place, surveys
from divebell.readers.texts import Texts

_MOST_CELLS = 60_000_000
_MOST_UNPACKED = 2 << 30
_REFERENCE = re.compile(rb'<c[^>]*? r="([A-Z]{1,3})(\d{1,7})"')


@dataclass(frozen=True)
class _Sheet:
    """One sheet, read anew each time it is asked for its rows."""

    path: Path
    name: str
    header: grid.Header

    def columns(self, repairs: grid.Repairs) -> Iterator[list[list[cells.Cell]]]:
        """Stream the rows as columns of cells; the last one holds surplus values."""
        lines = grid.rows(_rows(self.path, self.name), self.header, repairs)
        for chunk in grid.chunks(lines, len(self.header.names) + 1):
            yield [list(column) for column in zip(*chunk, strict=True)]


class ExcelReader:
    """Reads every sheet that holds something."""

    name = "Excel"
    suffixes: tuple[str, ...] = (".xlsx", ".xlsm", ".xls")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe a layer per sheet, with its name. Raises DivebellError when there is nothing to read."""
        failed = _check(path)
        told = (
            (f"{failed:,} formulas in this workbook failed; their cells are empty (NULL)",) if failed else ()
        )
        layers = [
            layer.told(*told)
            for name in _sheet_names(path)
            if (layer := _layer(path, name, hint)) is not None
        ]
        if not layers:
            raise DivebellError(
                f"{path.name} holds no sheet with rows", next_step="save it again with its content"
            )
        return layers


def _check(path: Path) -> int:
    """Refuse what is no workbook or too large; count the cells whose formula failed (.xlsx only)."""
    start = head(path)
    if start.startswith(b"PK\x03\x04"):
        return _refuse_bomb(path)
    if not start.startswith(b"\xd0\xcf\x11\xe0"):
        refuse_imposter(path, "Excel workbook")
        raise DivebellError(
            f"{path.name} is no Excel workbook",
            next_step="if it is text, give it the ending .csv; else save it again",
        )
    return 0


def _refuse_bomb(path: Path) -> int:
    """Refuse workbooks that would unpack to far too much, or whose few cells span an enormous sheet."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(
                _refuse_span(path, archive, info)
                for info in archive.infolist()
                if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml")
            )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DivebellError(
            f"{path.name} is damaged or locked with a password: {error}",
            next_step="save it again without a password",
        ) from error


def _refuse_span(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Read one sheet's XML within limits; count its failed formulas."""
    rows = columns = unpacked = failed = 0
    kept = b""
    with archive.open(info) as sheet:
        while chunk := sheet.read(1 << 20):
            unpacked += len(chunk)
            failed += chunk.count(b' t="e"')
            for letters, row in _REFERENCE.findall(kept + chunk):
                rows, columns = max(rows, int(row)), max(columns, _column_number(letters))
            kept = chunk[-200:]
            if unpacked > _MOST_UNPACKED or rows * columns > _MOST_CELLS:
                raise DivebellError(
                    f"{path.name} has a sheet that spans {rows:,} rows and {columns:,} columns: too many",
                    next_step="delete the stray cells far from the table, or save the sheet as CSV",
                )
    return failed


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet_names(path: Path) -> list[str]:
    try:
        with CalamineWorkbook.from_path(str(path)) as workbook:
            return list(workbook.sheet_names)
    except CalamineError as error:
        raise DivebellError(
            f"{path.name} cannot be read as an Excel workbook: {error}",
            next_step="open it in Excel or LibreOffice and save it again, without a password",
        ) from error


def _rows(path: Path, name: str) -> Iterator[list[cells.Cell]]:
    with CalamineWorkbook.from_path(str(path)) as workbook:
        yield from workbook.get_sheet_by_name(name).to_python(skip_empty_area=True)


def _layer(path: Path, name: str, hint: DatasetHint) -> Layer | None:
    spelt = [[cells.text(cell) for cell in row] for row in _rows(path, name)]
    if not any(cell.strip() for row in spelt for cell in row):
        return None
    header = grid.find_header(spelt, hint.skip_rows, f"{path.name}, sheet '{name}'")
    sheet = _Sheet(path, name, header)
    names, renamed = column_names(header.names)
    profiles = [
        cells.Profile(one, hinted_type(hint, one, original))
        for one, original in zip(names, header.names, strict=True)
    ]
    surveyed = surveys(path, names, header.names, hint)
    repairs, rows = grid.Repairs(), 0
    for columns in sheet.columns(repairs):
        rows += len(columns[0])
        for profile, column in zip(profiles, columns, strict=False):
            profile.see(column)
        for survey in surveyed:
            survey.see(_texts(columns))
    decisions = [cells.decide(profile) for profile in profiles]
    places, told = place(surveyed, header.names, hint)
    return Layer(
        name=name,
        columns=tuple(Column(d.name, o, d.type) for d, o in zip(decisions, header.names, strict=True)),
        geometry=places.geometry if places else None,
        warnings=(
            *header.warnings,
            *renamed,
            *repairs.sentences(),
            *(() if rows else ("the sheet has a header and no rows",)),
            *together((o, d.notes) for d, o in zip(decisions, header.names, strict=True)),
            *told,
        ),
        batches=lambda: _batches(sheet, decisions, places),
    )


def _texts(columns: Sequence[Sequence[cells.Cell]]) -> list[Texts]:
    return [cells.texts(column) for column in columns]


def _batches(
    sheet: _Sheet, decisions: Sequence[cells.Decision], places: Places | None
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(one.name, one.type) for one in decisions])
    if places:
        schema = schema.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    first = 1
    for columns in sheet.columns(grid.Repairs()):
        arrays = [cells.convert(column, one) for column, one in zip(columns, decisions, strict=False)]
        if places:
            arrays.append(places.wkb(_texts(columns), first))
        first += len(columns[0])
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
