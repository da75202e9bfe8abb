"""Excel and OpenDocument workbooks: a layer per sheet that holds something, cells as they are typed there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from divebell.errors import DivebellError
from divebell.event.model import ColumnType, DatasetHint
from divebell.readers import cells, grid
from divebell.readers.hinted import hinted_type
from divebell.readers.model import GEOMETRY_COLUMN, Column, Layer
from divebell.readers.names import column_names
from divebell.readers.notes import together
from divebell.readers.placing import Places, place, surveys
from divebell.readers.sheetcodes import CodeColumn, ShownColumn
from divebell.readers.sheetmerges import Merges
from divebell.readers.texts import Texts
from divebell.readers.workbooks import Look, check

_CELLS_KEPT = 2_000_000
"""Sheets of so many cells stay in memory between two readings; larger ones are opened anew."""
_LOOK = 300
_CODES = "the numbers are shown as codes of a fixed length; they were read as shown, as text"
_DOUBTFUL_CODES = "some of the numbers are shown with zeros in front, others are not; they were read without"
_MERGED = "cells are merged over several rows; each of these rows was given the value"


@dataclass
class _Table:
    """A sheet's header, and how the cells below it are read."""

    header: grid.Header
    codes: Mapping[int, ShownColumn]
    """The columns whose numbers are shown as codes."""
    repairs: grid.Repairs = field(default_factory=grid.Repairs)
    merged: Counter[int] = field(default_factory=Counter)
    """How many cells of each column got the value of the merged cell they belong to."""

    def anew(self) -> _Table:
        """Give the same for another reading, with nothing counted yet."""
        return _Table(self.header, self.codes)


class _Sheet:
    """One sheet, whose rows can be asked for again and again."""

    def __init__(self, path: Path, name: str, look: Look) -> None:
        self.path = path
        self.name = name
        self._look = look
        self._held: CalamineSheet | None = None

    def rows(self) -> Iterator[list[cells.Cell]]:
        """Give the rows from the first filled cell on."""
        yield from _rows(self._held or self._opened())

    def codes(self, header: grid.Header) -> Iterator[tuple[int, CodeColumn, ShownColumn | None]]:
        """Give the columns of the table with numbers that are shown as codes, and how to read them."""
        sheet = self._held or self._opened()
        above, left = sheet.start or (0, 0)
        for at, column in self._look.at(self.name).codes.items():
            if 0 <= at - left < len(header.names):
                yield at - left, column, column.decide(above + header.skip)

    def _opened(self) -> CalamineSheet:
        with _workbook(self.path, self._look) as workbook:
            sheet = workbook.get_sheet_by_name(self.name)
        self._held = sheet if sheet.total_height * sheet.total_width <= _CELLS_KEPT else None
        return sheet

    def columns(self, table: _Table) -> Iterator[list[list[cells.Cell]]]:
        """Stream the rows as columns of cells; the last one holds surplus values."""
        width = len(table.header.names) + 1
        for chunk in grid.chunks(grid.rows(self._read(table), table.header, table.repairs), width):
            yield [list(column) for column in zip(*chunk, strict=True)]

    def _read(self, table: _Table) -> Iterator[list[cells.Cell]]:
        """Give the rows: below the header, merged cells are filled and codes are as they are shown."""
        sheet = self._held or self._opened()
        above, left = sheet.start or (0, 0)
        merges = Merges((*self._look.at(self.name).merged, *_merged(sheet)))
        first, rows = above + table.header.skip, _rows(sheet)
        yield from islice(rows, table.header.skip)
        shown = _shown(enumerate(rows, first), table.codes)
        yield from merges.filled(enumerate(shown, first), left, table.merged)


def _shown(
    rows: Iterable[tuple[int, list[cells.Cell]]], codes: Mapping[int, ShownColumn]
) -> Iterator[list[cells.Cell]]:
    """Write the numbers that are codes as the sheet shows them."""
    for number, row in rows:
        for at, one in codes.items():
            if number not in one.plain and cells.kind_of(row[at]) == "int":
                row[at] = one.code.shown(row[at])
        yield row


def _rows(sheet: CalamineSheet) -> Iterator[list[cells.Cell]]:
    if sheet.start is None:
        return iter(())
    above, _ = sheet.start  # rows come from the sheet's first, cells from the first filled column
    return islice(sheet.iter_rows(), above, None)


def _merged(sheet: CalamineSheet) -> Iterator[tuple[int, int, int]]:
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        yield top, bottom, left


class ExcelReader:
    """Reads every sheet that holds something."""

    name = "Excel"
    suffixes: tuple[str, ...] = (".xlsx", ".xlsm", ".xls", ".ods")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe a layer per sheet, with its name. Raises DivebellError when there is nothing to read."""
        look = check(path)
        layers = [
            layer.told(*look.at(name).told, *(("the sheet is hidden in the workbook",) if hidden else ()))
            for name, hidden in _sheets(path, look)
            if (layer := _layer(_Sheet(path, name, look), hint)) is not None
        ]
        if not layers:
            raise DivebellError(
                f"{path.name} holds no sheet with rows", next_step="save it again with its content"
            )
        return layers


def _sheets(path: Path, look: Look) -> list[tuple[str, bool]]:
    """Give the names of the sheets, and which of them are hidden."""
    with _workbook(path, look) as workbook:
        return [(one.name, one.visible is not SheetVisibleEnum.Visible) for one in workbook.sheets_metadata]


def _workbook(path: Path, look: Look) -> CalamineWorkbook:
    try:
        if look.named_right:
            return CalamineWorkbook.from_path(str(path))
        with path.open("rb") as file:  # by a path, its ending would be believed
            return CalamineWorkbook.from_filelike(file)
    except CalamineError as error:
        raise DivebellError(
            f"{path.name} cannot be read as an Excel workbook: {error}",
            next_step="open it in Excel or LibreOffice and save it again, without a password",
        ) from error


def _layer(sheet: _Sheet, hint: DatasetHint) -> Layer | None:
    path, name = sheet.path, sheet.name
    if not any(cells.text(cell).strip() for row in sheet.rows() for cell in row):
        return None
    spelt = [[cells.text(cell) for cell in row] for row in islice(sheet.rows(), hint.skip_rows + _LOOK)]
    header = grid.find_header(spelt, hint.skip_rows, f"{path.name}, sheet '{name}'")
    names, renamed = column_names(header.names)
    profiles = [
        cells.Profile(one, hinted_type(hint, one, original))
        for one, original in zip(names, header.names, strict=True)
    ]
    table, doubts = _table(sheet, header, profiles)
    surveyed = surveys(path, names, header.names, hint)
    rows = 0
    for columns in sheet.columns(table):
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
            *table.repairs.sentences(),
            *(() if rows else ("the sheet has a header and no rows",)),
            *together((o, d.notes) for d, o in zip(decisions, header.names, strict=True)),
            *together((header.names[at], [doubt]) for at, doubt in doubts),
            *together(
                (header.names[at], [(_MERGED, _cells(count))])
                for at, count in sorted(table.merged.items())
                if at < len(header.names)
            ),
            *told,
        ),
        batches=lambda: _batches(sheet, table.anew(), decisions, places),
    )


def _table(
    sheet: _Sheet, header: grid.Header, profiles: Sequence[cells.Profile]
) -> tuple[_Table, list[tuple[int, tuple[str, str]]]]:
    """Choose the columns that are read as they are shown, and say of which that is so, or in doubt."""
    codes, doubts = {}, []
    for at, column, shown in sheet.codes(header):
        if profiles[at].type not in {None, ColumnType.TEXT}:
            continue
        if shown is not None:
            codes[at] = shown
        if shown is not None or column.example.startswith("0"):
            doubts.append((at, (_CODES if shown else _DOUBTFUL_CODES, f"'{column.example}'")))
    return _Table(header, codes), doubts


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"


def _texts(columns: Sequence[Sequence[cells.Cell]]) -> list[Texts]:
    return [cells.texts(column) for column in columns]


def _batches(
    sheet: _Sheet, table: _Table, decisions: Sequence[cells.Decision], places: Places | None
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(one.name, one.type) for one in decisions])
    if places:
        schema = schema.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    first = 1
    for columns in sheet.columns(table):
        arrays = [cells.convert(column, one) for column, one in zip(columns, decisions, strict=False)]
        if places:
            arrays.append(places.wkb(_texts(columns), first))
        first += len(columns[0])
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
