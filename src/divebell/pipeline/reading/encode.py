"""From Arrow batches to PostgreSQL's binary COPY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pgpq
import pyarrow as pa
import pyarrow.compute as pc
from pgpq import encoders, schema

from divebell.errors import DivebellError
from divebell.pipeline.columns import OVERFLOW, Layout, overflow_json
from divebell.readers import GEOMETRY_COLUMN

KEY = "row_id"
_PIECE_BYTES = 4 << 20
_MOST_ROWS = 2**31 - 1


class Encoder:
    """Encodes the batches of one table, with a row number in front; counts what it sees on the way."""

    def __init__(self, plan: Layout, *, geometry: bool) -> None:
        self._plan = plan
        self._geometry = geometry
        fields = [pa.field(KEY, pa.int32()), *(pa.field(one.column.name, one.arrow) for one in plan.targets)]
        if plan.overflow:
            fields.append(pa.field(OVERFLOW, pa.string()))
        if geometry:
            fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
        self._schema = pa.schema(fields)
        self._pgpq = _pgpq(self._schema)
        self.rows = 0
        self.nulls = [0] * (len(plan.targets) + bool(plan.overflow))
        self._repaired = 0

    def begin(self) -> bytes:
        """Give what a COPY stream begins with."""
        return bytes(self._pgpq.write_header())

    def end(self) -> bytes:
        """Give what a COPY stream ends with."""
        return bytes(self._pgpq.finish())

    def pieces(self, batch: pa.RecordBatch) -> Iterator[tuple[int, bytes]]:
        """Give a batch in pieces of a few megabytes, each with its number of rows.

        Raises DivebellError when there are more rows than a table's key can number.
        """
        if self.rows + batch.num_rows > _MOST_ROWS:
            raise DivebellError("it has more than 2,147,483,647 rows")
        arrays = self._arrays(batch)
        first = self.rows + 1
        numbers = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int32))
        ready = pa.record_batch([numbers, *arrays], schema=self._schema)
        self.rows += batch.num_rows
        at_once = max(1, batch.num_rows * _PIECE_BYTES // max(_PIECE_BYTES, ready.get_total_buffer_size()))
        for start in range(0, ready.num_rows, at_once):
            piece = ready.slice(start, at_once)
            yield piece.num_rows, self._pgpq.write_batch(piece)

    def warnings(self) -> tuple[str, ...]:
        """Say what had to be changed."""
        if not self._repaired:
            return ()
        count = f"{self._repaired:,} text values"
        return (f"NUL characters were taken out of {count}: PostgreSQL does not store them",)

    def _arrays(self, batch: pa.RecordBatch) -> list[pa.Array]:
        arrays = []
        for number, one in enumerate(self._plan.targets):
            array = batch.column(number)
            array = array if array.type == one.arrow else array.cast(one.arrow)
            if pa.types.is_string(one.arrow) and (count := _nul_values(array)):
                array = pc.replace_substring(array, "\0", "")
                self._repaired += count
            self.nulls[number] += array.null_count
            arrays.append(array)
        if self._plan.overflow:
            arrays.append(overflow_json(batch, len(self._plan.targets), self._plan.overflow))
        if self._geometry:
            arrays.append(batch.column(batch.num_columns - 1))
        return arrays


def encoded(batch: pa.RecordBatch) -> bytes:
    """Give a whole small batch as one COPY stream."""
    encoder = _pgpq(batch.schema)
    return b"".join((encoder.write_header(), encoder.write_batch(batch), encoder.finish()))


def _pgpq(sent: pa.Schema) -> Any:
    builders = {field.name: pgpq.ArrowToPostgresBinaryEncoder.infer_encoder(field) for field in sent}
    if OVERFLOW in builders:
        field = sent.field(OVERFLOW)
        builders[OVERFLOW] = encoders.StringEncoderBuilder.new_with_output(field, schema.Jsonb())
    return pgpq.ArrowToPostgresBinaryEncoder.new_with_encoders(sent, builders)


def _nul_values(array: pa.Array) -> int:
    """Count the values with a NUL character; the whole buffer, looked at first, hardly ever has one."""
    data = array.buffers()[2]
    if data is None or np.frombuffer(data, dtype=np.uint8).all():
        return 0
    return int(pc.sum(pc.match_substring(array, "\0")).as_py() or 0)
