"""Excel and OpenDocument workbooks: a layer per sheet that holds something, cells as they are typed there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import cells, grid
from divebell.readers.hinted import hinted_type
from divebell.readers.model import GEOMETRY_COLUMN, Column, Layer
from divebell.readers.names import column_names
from divebell.readers.notes import together
from divebell.readers.placing import Places, place, surveys
from divebell.readers.texts import Texts
from divebell.readers.workbooks import check

_CELLS_KEPT = 2_000_000
"""Sheets of so many cells stay in memory between two readings; larger ones are opened anew."""
_LOOK = 300


class _Sheet:
    """One sheet, whose rows can be asked for again and again."""

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self.name = name
        self._held: CalamineSheet | None = None

    def rows(self) -> Iterator[list[cells.Cell]]:
        """Give the rows from the first filled cell on."""
        sheet = self._held or self._opened()
        if sheet.start is None:
            return
        above, _ = sheet.start  # rows come from the sheet's first, cells from the first filled column
        yield from islice(sheet.iter_rows(), above, None)

    def _opened(self) -> CalamineSheet:
        with _workbook(self.path) as workbook:
            sheet = workbook.get_sheet_by_name(self.name)
        self._held = sheet if sheet.total_height * sheet.total_width <= _CELLS_KEPT else None
        return sheet

    def columns(self, header: grid.Header, repairs: grid.Repairs) -> Iterator[list[list[cells.Cell]]]:
        """Stream the rows as columns of cells; the last one holds surplus values."""
        for chunk in grid.chunks(grid.rows(self.rows(), header, repairs), len(header.names) + 1):
            yield [list(column) for column in zip(*chunk, strict=True)]


class ExcelReader:
    """Reads every sheet that holds something."""

    name = "Excel"
    suffixes: tuple[str, ...] = (".xlsx", ".xlsm", ".xls", ".ods")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe a layer per sheet, with its name. Raises DivebellError when there is nothing to read."""
        told = check(path)
        layers = [
            layer.told(*told, *(("the sheet is hidden in the workbook",) if hidden else ()))
            for name, hidden in _sheets(path)
            if (layer := _layer(_Sheet(path, name), hint)) is not None
        ]
        if not layers:
            raise DivebellError(
                f"{path.name} holds no sheet with rows", next_step="save it again with its content"
            )
        return layers


def _sheets(path: Path) -> list[tuple[str, bool]]:
    """Give the names of the sheets, and which of them are hidden."""
    with _workbook(path) as workbook:
        return [(one.name, one.visible is not SheetVisibleEnum.Visible) for one in workbook.sheets_metadata]


def _workbook(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
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
    surveyed = surveys(path, names, header.names, hint)
    repairs, rows = grid.Repairs(), 0
    for columns in sheet.columns(header, repairs):
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
        batches=lambda: _batches(sheet, header, decisions, places),
    )


def _texts(columns: Sequence[Sequence[cells.Cell]]) -> list[Texts]:
    return [cells.texts(column) for column in columns]


def _batches(
    sheet: _Sheet, header: grid.Header, decisions: Sequence[cells.Decision], places: Places | None
) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([pa.field(one.name, one.type) for one in decisions])
    if places:
        schema = schema.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    first = 1
    for columns in sheet.columns(header, grid.Repairs()):
        arrays = [cells.convert(column, one) for column, one in zip(columns, decisions, strict=False)]
        if places:
            arrays.append(places.wkb(_texts(columns), first))
        first += len(columns[0])
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
