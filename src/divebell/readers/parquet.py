"""Parquet and GeoParquet: declared types, geometry in any encoding, a few thousand rows at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import arrowlayer, geoparquet
from divebell.readers.arrowtable import Table
from divebell.readers.claims import head, require_signature
from divebell.readers.grid import MOST_COLUMNS
from divebell.readers.model import Layer

_BATCH_BYTES = 3 << 20
_BATCH_ROWS = 50_000
_SAMPLE_ROWS = 4_096
_ANY_ROWS = 100_000_000
"""So many rows a file of any size may state; beyond that, at most one a byte."""
_ANY_BYTES = 64 << 20
_RATIO = 250
"""How many times its own size a file may unpack to; as for archives."""


class ParquetReader:
    """Reads the table of a Parquet file; the types are those the file declares."""

    name = "Parquet"
    suffixes: tuple[str, ...] = (".parquet", ".geoparquet", ".pq")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the only layer, from what the file states and its first rows.

        Raises DivebellError when it is no Parquet, damaged, encrypted, or states sizes that cannot be true.
        """
        _check_ends(path)
        file = _open(path)
        _check_sizes(path, file)
        sample = next(_stream(path, min(_SAMPLE_ROWS, _rows_at_once(file))), None)
        rows = _rows_at_once(file, sample)
        places = geoparquet.find(file).known(sample)
        places = places.aside() if hint.points else places
        table = Table(path, hint, file.schema_arrow, places, lambda: _stream(path, rows))
        whole = sample is None or sample.num_rows == file.metadata.num_rows
        return [arrowlayer.layer(table, sample, whole=whole)]


def _check_ends(path: Path) -> None:
    if head(path, 4) == b"PARE":
        raise DivebellError(f"{path.name} is encrypted", next_step="save it without encryption")
    require_signature(path, b"PAR1", "Parquet file")
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        if file.read() != b"PAR1":
            raise DivebellError(
                f"{path.name} is not complete: the end of the file is missing",
                next_step="check that it was uploaded completely, and commit it again",
            )


def _check_sizes(path: Path, file: pq.ParquetFile) -> None:
    """Refuse what states more than a file of its size can hold, and what no table can hold."""
    facts, size = file.metadata, path.stat().st_size
    stated = sum(facts.row_group(at).total_byte_size for at in range(facts.num_row_groups))
    if facts.num_rows > max(_ANY_ROWS, size) or stated > max(_ANY_BYTES, _RATIO * size):
        raise DivebellError(
            f"{path.name} states {facts.num_rows:,} rows and {stated:,} bytes in a file of {size:,} bytes; "
            f"it was left alone",
            next_step="write it again from the data itself",
        )
    columns = len(file.schema_arrow)
    if columns > MOST_COLUMNS:
        raise DivebellError(
            f"{path.name} has {columns:,} columns; a PostgreSQL table holds at most 1,600",
            next_step=f"split it into files of at most {MOST_COLUMNS:,} columns",
        )
    if not columns:
        raise DivebellError(f"{path.name} has no columns", next_step="write it again from the data itself")


def _rows_at_once(file: pq.ParquetFile, sample: pa.RecordBatch | None = None) -> int:
    """Choose how many rows fit into a batch, from what the file states and what some rows took in memory."""
    facts = file.metadata
    stated = sum(facts.row_group(at).total_byte_size for at in range(facts.num_row_groups))
    a_row = stated / max(1, facts.num_rows)
    if sample is not None and sample.num_rows:
        a_row = max(a_row, sample.nbytes / sample.num_rows)
    return max(1, min(_BATCH_ROWS, int(_BATCH_BYTES / max(1.0, a_row)), 4_000_000 // len(file.schema_arrow)))


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(
            path,
            buffer_size=1 << 20,
            pre_buffer=False,
            coerce_int96_timestamp_unit="us",
            arrow_extensions_enabled=False,
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _stream(path: Path, rows: int) -> Iterator[pa.RecordBatch]:
    with _open(path) as file:
        batches = file.iter_batches(batch_size=rows)
        while True:
            try:
                batch = next(batches, None)
            except MemoryError:
                raise
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(path, error) from error
            if batch is None:
                return
            yield batch


def _unreadable(path: Path, error: Exception) -> DivebellError:
    reason = " ".join(str(error).split())[:200]
    return DivebellError(
        f"{path.name} cannot be read as Parquet: {reason}",
        next_step="check that it was uploaded completely and is not encrypted, or write it again",
    )
