"""CSV and its kin: text whose values are separated by commas, tabs, semicolons or bars."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import aligned, blocks, dialect, grid
from divebell.readers.claims import refuse_imposter
from divebell.readers.encoding import Text, open_text
from divebell.readers.model import ContradictedError, Layer
from divebell.readers.survey import Description, Survey
from divebell.readers.texts import Texts

_T = TypeVar("_T")


@dataclass(frozen=True)
class _File:
    """A text file and how it is cut into rows."""

    text: Text
    delimiter: str
    header: grid.Header
    hint: DatasetHint
    block: int

    def survey(self) -> Survey:
        """Begin to look at the table."""
        return Survey(self.text.path, self.header, self.hint, self.delimiter)

    def columns(self, survey: Survey) -> Iterator[list[Texts]]:
        """Stream the rows as columns of text, with one more where there are surplus values."""
        width = len(self.header.names)
        rows = grid.Rows(self.header, survey.repairs)
        most = grid.most_rows(width + 1)
        cut = blocks.blocks(self.text, self.delimiter, self.header.skip, width, survey.slips, self.block)
        for block in _ahead(cut):
            for columns in _rows(block, rows):
                for start in range(0, len(columns[0]), most):
                    yield [Texts(column.slice(start, most)) for column in columns]
        rows.end()

    def sample(self) -> Survey:
        """Look at parts of the file from its beginning to its end."""
        seen = self.survey()
        width = len(self.header.names)
        size = self.block // 16
        for columns in blocks.samples(self.text, self.delimiter, self.header.skip, width, size):
            seen.see([Texts(column) for column in columns])
        return seen


class DelimitedReader:
    """Reads text tables; large ones in a single pass, described from parts of them until all is known."""

    name = "CSV"
    suffixes: tuple[str, ...] = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".prn")

    def __init__(self, block: int = blocks.SIZE) -> None:
        """Read `block` bytes at once; a file of no more than that is read in full before it is described."""
        self.block = block

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the one layer of a text table. Raises DivebellError when the file holds something else."""
        file, warnings = _open(path, hint, self.block)
        table = _Table(file, warnings)
        if path.stat().st_size <= self.block:
            return [table.settled()]
        guess = file.sample()
        places, _ = guess.place()
        # Geometries written out are made alike by all of them, so they have to be seen before.
        return [table.settled() if places and places.plan else table.guessed(guess)]


class _Table:
    """Reads a table's rows and keeps what their values say."""

    def __init__(self, file: _File, warnings: tuple[str, ...]) -> None:
        self._file = file
        self._warnings = warnings
        self._begun: tuple[Survey, Iterator[list[Texts]]] | None = None

    def guessed(self, sample: Survey) -> Layer:
        """Give the layer as a sample describes it."""
        guess = sample.describe()
        return replace(self._layer(guess, lambda: self._checked(guess, sample)), settle=self.settled)

    def settled(self) -> Layer:
        """Give the layer as all values describe it, those that were seen already included."""
        seen, rest = self._begun or self._begin()
        for columns in rest:
            seen.see(columns)
        certain = seen.describe()
        return self._layer(certain, lambda: self._certain(certain))

    def _layer(self, described: Description, batches: Callable[[], Iterator[pa.RecordBatch]]) -> Layer:
        return Layer(
            name=None,
            columns=described.columns,
            geometry=described.geometry,
            warnings=(*self._warnings, *described.warnings),
            batches=batches,
        )

    def _begin(self) -> tuple[Survey, Iterator[list[Texts]]]:
        seen = self._file.survey()
        self._begun = seen, self._file.columns(seen)
        return self._begun

    def _checked(self, guess: Description, sample: Survey) -> Iterator[pa.RecordBatch]:
        seen, rest = self._begin()
        try:
            for columns in rest:
                first = seen.rows + 1
                seen.see(columns)
                decisions = seen.decide(sample)
                if not guess.same_rows(decisions):
                    raise ContradictedError
                yield guess.batch(columns, first, decisions)
        except GeneratorExit:
            self._begun = None
            raise
        certain = seen.describe()
        if not guess.same_rows(certain.decisions) or guess.places != certain.places:
            raise ContradictedError

    def _certain(self, certain: Description) -> Iterator[pa.RecordBatch]:
        first = 1
        for columns in self._file.columns(self._file.survey()):
            yield certain.batch(columns, first, certain.decisions)
            first += len(columns[0])


def _ahead(source: Iterator[_T]) -> Iterator[_T]:
    """Get each next one while the present one is worked on."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, source, end)
        while (one := waiting.result()) is not end:
            waiting = pool.submit(next, source, end)
            yield one  # type: ignore[misc]


def _rows(block: blocks.Block, rows: grid.Rows) -> Iterator[list[pa.Array]]:
    """Give a block's rows as columns; one by one where some may have to be put right."""
    records: Iterable[list[str]]
    if isinstance(block, tuple):
        if rows.settled and grid.are_regular([Texts(column) for column in block]):
            rows.skip(len(block[0]))
            yield list(block)
            return
        records = (list(record) for record in zip(*(column.to_pylist() for column in block), strict=True))
    else:
        records = block
    found = [row for record in records for row in rows.take(record)]
    if found:
        columns = [pa.array(column, pa.string()) for column in zip(*found, strict=True)]
        yield columns if any(row[-1] for row in found) else columns[:-1]


def looks_tabular(path: Path) -> bool:
    """Whether a .txt file is a table and no prose: most of its lines cut evenly."""
    try:
        refuse_imposter(path, "text table")
    except DivebellError:
        return True
    sample = open_text(path).sample(1 << 16)
    delimiter = dialect.find_delimiter(sample, path.suffix.lower())
    if delimiter is None:
        return aligned.find_columns(open_text(path), sample) is not None
    if delimiter == "," and len(re.findall(r",(?=\s)", sample)) >= 0.5 * sample.count(","):
        return False
    widths = [line.count(delimiter) for line in sample.splitlines() if line.strip()][:100]
    usual = max(set(widths), key=widths.count)
    return usual > 0 and widths.count(usual) >= (0.6 if delimiter != "," else 0.8) * len(widths)


def _open(path: Path, hint: DatasetHint, block: int) -> tuple[_File, tuple[str, ...]]:
    refuse_imposter(path, "text table")
    text = open_text(path, hint.encoding)
    sample = text.sample()
    _refuse_binary(path, sample)
    delimiter = hint.delimiter or dialect.find_delimiter(sample, path.suffix.lower())
    if delimiter is None and path.suffix.lower() in aligned.SUFFIXES:
        text = aligned.find_columns(text, sample) or text
    delimiter = delimiter or (aligned.DELIMITER if isinstance(text, aligned.Aligned) else ",")
    first = dialect.records(text.lines(), delimiter, dialect.Slips())
    header = grid.find_header(first, hint.skip_rows, path.name)
    return _File(text, delimiter, header, hint, block), (*text.warnings, *header.warnings)


def _refuse_binary(path: Path, sample: str) -> None:
    odd = len(re.findall(r"[\x01-\x08\x0e-\x1f]", sample))
    if odd > max(16, 0.02 * len(sample)):
        raise DivebellError(
            f"{path.name} is no text table: it holds binary data",
            next_step="export it again as CSV, or give it the ending of what it is",
        )
