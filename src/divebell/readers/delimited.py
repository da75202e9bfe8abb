"""CSV and its kin: text whose values are separated by commas, tabs, semicolons or bars."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import dialect, grid, values
from divebell.readers.claims import refuse_imposter
from divebell.readers.encoding import Text, open_text
from divebell.readers.model import GEOMETRY_COLUMN, Column, Layer
from divebell.readers.names import column_names
from divebell.readers.notes import together
from divebell.readers.placing import Places, place, surveys
from divebell.readers.profile import Profile

_SURPLUS = "extra_values"


@dataclass(frozen=True)
class _File:
    """A text file and how it is cut into rows."""

    text: Text
    delimiter: str
    header: grid.Header

    def columns(self, repairs: grid.Repairs, slips: dialect.Slips) -> Iterator[list[pa.Array]]:
        """Stream the rows as columns of text; the last one holds surplus values."""
        cut = dialect.records(self.text.lines(), self.delimiter, slips)
        lines = grid.rows(cut, self.header, repairs)
        for chunk in grid.chunks(lines, len(self.header.names) + 1):
            yield [pa.array(column, pa.string()) for column in zip(*chunk, strict=True)]


class DelimitedReader:
    """Reads text tables. One pass decides the types over all values, the next gives the rows."""

    name = "CSV"
    suffixes: tuple[str, ...] = (".csv", ".tsv", ".tab", ".psv", ".txt")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the one layer of a text table. Raises DivebellError when the file holds something else."""
        file, warnings = _open(path, hint)
        names, renamed = column_names(file.header.names)
        profiles = [Profile(name) for name in (*names, _free(_SURPLUS, names))]
        surveyed = surveys(path, names, file.header.names, hint)
        repairs, slips, rows = grid.Repairs(), dialect.Slips(), 0
        for columns in file.columns(repairs, slips):
            rows += len(columns[0])
            for profile, column in zip(profiles, columns, strict=True):
                profile.see(column)
            for survey in surveyed:
                survey.see(columns)
        decisions = _decide(profiles, file.header.names, hint, surplus=bool(repairs.long))
        places, told = place(surveyed, file.header.names, hint)
        originals = (*file.header.names, _SURPLUS)
        return [
            Layer(
                name=None,
                columns=tuple(
                    Column(one.name, original, one.type)
                    for one, original in zip(decisions, originals, strict=False)
                ),
                geometry=places.geometry if places else None,
                warnings=(
                    *warnings,
                    *renamed,
                    *_slip_warnings(slips),
                    *repairs.sentences(),
                    *(() if rows else ("the table has a header and no rows",)),
                    *together((o, d.notes) for d, o in zip(decisions, originals, strict=False)),
                    *told,
                ),
                batches=lambda: _batches(file, decisions, places),
            )
        ]


def looks_tabular(path: Path) -> bool:
    """Whether a .txt file is a table and no prose: most of its lines cut evenly."""
    try:
        refuse_imposter(path, "text table")
    except DivebellError:
        return True
    sample = open_text(path).sample(1 << 16)
    delimiter = dialect.find_delimiter(sample, path.suffix.lower())
    if delimiter is None:
        return False
    if delimiter == "," and len(re.findall(r",(?=\s)", sample)) >= 0.5 * sample.count(","):
        return False
    widths = [line.count(delimiter) for line in sample.splitlines() if line.strip()][:100]
    usual = max(set(widths), key=widths.count)
    return usual > 0 and widths.count(usual) >= (0.6 if delimiter != "," else 0.8) * len(widths)


def _open(path: Path, hint: DatasetHint) -> tuple[_File, tuple[str, ...]]:
    refuse_imposter(path, "text table")
    text = open_text(path, hint.encoding)
    sample = text.sample()
    _refuse_binary(path, sample)
    delimiter = hint.delimiter or dialect.find_delimiter(sample, path.suffix.lower()) or ","
    first = dialect.records(text.lines(), delimiter, dialect.Slips())
    header = grid.find_header(first, hint.skip_rows, path.name)
    return _File(text, delimiter, header), (*text.warnings, *header.warnings)


def _refuse_binary(path: Path, sample: str) -> None:
    odd = len(re.findall(r"[\x01-\x08\x0e-\x1f]", sample))
    if odd > max(16, 0.02 * len(sample)):
        raise DivebellError(
            f"{path.name} is no text table: it holds binary data",
            next_step="export it again as CSV, or give it the ending of what it is",
        )


def _free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)


def _decide(
    profiles: Sequence[Profile], originals: Sequence[str], hint: DatasetHint, *, surplus: bool
) -> list[values.Decision]:
    decisions = [
        values.decide(profile, keep_text=original in hint.text or profile.name in hint.text)
        for profile, original in zip(profiles, originals, strict=False)
    ]
    return [*decisions, values.decide(profiles[-1], keep_text=True)] if surplus else decisions


def _slip_warnings(slips: dialect.Slips) -> Iterator[str]:
    if slips.quotes:
        where = ", ".join(f"{line:,}" for line in slips.quotes[:5])
        yield f"a quotation mark is never closed in line {where}; those lines were read as they stand"


def _batches(
    file: _File, decisions: Sequence[values.Decision], places: Places | None
) -> Iterator[pa.RecordBatch]:
    fields = [pa.field(one.name, one.type) for one in decisions]
    if places:
        fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    schema = pa.schema(fields)
    first = 1
    for columns in file.columns(grid.Repairs(), dialect.Slips()):
        arrays = [values.convert(column, one) for column, one in zip(columns, decisions, strict=False)]
        if places:
            arrays.append(places.wkb(columns, first))
        first += len(columns[0])
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
