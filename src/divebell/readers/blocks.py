"""Cut a text into blocks of whole rows: at once where they are regular, else record by record."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from divebell.errors import DivebellError
from divebell.readers import dialect
from divebell.readers.aligned import Aligned
from divebell.readers.encoding import Text

Columns = tuple[pa.Array, ...]
Records = list[list[str]]
Block = Columns | Records

SIZE = 4 << 20
_LONGEST_LINE = 64 << 20
_PEEK = 1 << 16
_SAMPLES = 8
_GUARD = "\x1edivebell-end-of-block"


@dataclass
class _Reserve:
    """Bytes of a text that can be looked at before they are taken."""

    name: str
    pieces: Iterator[bytes]
    held: bytes = b""

    def line_end(self, start: int, size: int) -> int:
        """Find the last line end within `size` bytes from `start`, or the next; `start` at the text's end."""
        while True:
            while len(self.held) < start + size and (piece := next(self.pieces, b"")):
                self.held += piece
            stop = min(start + size, len(self.held))
            end = self.held.rfind(b"\n", start, stop) + 1
            # A carriage return at the very end may be the first half of a line end.
            end = end or self.held.rfind(b"\r", start, max(start, stop - 1)) + 1
            if end:
                return end
            if stop < start + size:
                return stop
            if size > _LONGEST_LINE:
                raise DivebellError(
                    f"{self.name} is no text table: it has a line of more than 64 MB",
                    next_step="export it again as CSV, with a row to a line",
                )
            size *= 2

    def take(self, count: int) -> None:
        self.held = self.held[count:]


@dataclass
class _Peek:
    """Lines that are looked at, not yet taken."""

    reserve: _Reserve
    lengths: deque[int] = field(default_factory=deque)

    def __iter__(self) -> Iterator[str]:
        start = 0
        while (end := self.reserve.line_end(start, _PEEK)) > start:
            for line in StringIO(self.reserve.held[start:end].decode(), newline=""):
                self.lengths.append(len(line.encode()))
                yield line
            start = end


def blocks(
    text: Text, delimiter: str, skip: int, width: int, slips: dialect.Slips, size: int = SIZE
) -> Iterator[Block]:
    """Give what stands below the first `skip` records: columns of text, or records where rows are irregular.

    Both ways give exactly what `dialect.records` gives for the whole text, and fill `slips` as it does.
    """
    reserve = _Reserve(text.path.name, _without_end_mark(text.utf8(size)))
    if skip:
        _records(reserve, delimiter, slips, None, records=skip)
    while end := reserve.line_end(0, size):
        block = reserve.held[:end]
        columns = _columns(block, delimiter, width)
        if columns is None:
            yield _records(reserve, delimiter, slips, width, size=end)
        else:
            reserve.take(end)
            slips.lines += _line_ends(block)
            yield columns


def _records(
    reserve: _Reserve,
    delimiter: str,
    slips: dialect.Slips,
    width: int | None,
    *,
    records: int | None = None,
    size: int | None = None,
) -> Records:
    """Take records one by one: so many, or of at least so many bytes, or up to the end of the text."""
    found: Records = []
    peek, done, taken = _Peek(reserve), slips.lines, 0
    for record in dialect.records(iter(peek), delimiter, slips, width):
        found.append(record)
        taken += sum(peek.lengths.popleft() for _ in range(slips.lines - done))
        done = slips.lines
        if len(found) == records or (size is not None and taken >= size):
            break
    reserve.take(taken)
    return found


def _columns(block: bytes, delimiter: str, width: int) -> Columns | None:
    """Split a block at once; None unless each row has `width` values and the last one ends with the block."""
    if not delimiter.isascii():
        return None
    guard = f"{_GUARD}{delimiter * (width - 1)}\n".encode()
    ended = b"".join((block, b"" if block.endswith((b"\n", b"\r")) else b"\n", guard))
    try:
        table = _parse(ended, delimiter, width)
    except pa.ArrowInvalid:
        return None
    rows = table.num_rows - 1
    last = [column[rows].as_py() for column in table.columns]
    if last != [_GUARD, *[""] * (width - 1)]:
        return None
    columns = tuple(column.combine_chunks().slice(0, rows) for column in table.columns)
    return None if (more := _line_ends(block) - rows) and _may_slip(columns, delimiter, more) else columns


def _may_slip(columns: Columns, delimiter: str, more: int) -> bool:
    """Whether a quotation mark may be a slip: its value spans too many lines, or swallows rows."""
    cut = re.escape(delimiter)
    numbered = rf"[\r\n]\s*\d+(\.\d+)?\s*{cut}"
    whole = rf"[\r\n]([^\r\n]*{cut}[^\r\n]*(\r\n|\r|\n)){{2}}"
    swallowed = f"({numbered})|({whole})"
    if any(pc.any(pc.match_substring_regex(column, swallowed)).as_py() for column in columns):
        return True
    if more < dialect.LONGEST_RECORD - 1:
        return False
    most = sum(int(pc.max(pc.count_substring_regex(column, r"[\r\n]")).as_py() or 0) for column in columns)
    return most >= dialect.LONGEST_RECORD - 1


def _without_end_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Take off the Ctrl-Z with which old programs end a text."""
    held = b""
    for piece in pieces:
        if held:
            yield held
        held = piece
    yield held.rstrip(b"\x1a")


def _line_ends(block: bytes) -> int:
    letters = np.frombuffer(block, np.uint8)
    ends = int(np.count_nonzero(letters == ord("\n")))
    if b"\r" in block:
        ends += int(np.count_nonzero(letters == ord("\r"))) - block.count(b"\r\n")
    return ends if block.endswith((b"\n", b"\r")) else ends + 1


def _parse(
    block: bytes, delimiter: str, width: int, ragged: Callable[[pyarrow.csv.InvalidRow], str] | None = None
) -> pa.Table:
    names = [str(number) for number in range(width)]
    return pyarrow.csv.read_csv(
        pa.BufferReader(block),
        pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
        pyarrow.csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=ragged,
        ),
        pyarrow.csv.ConvertOptions(
            check_utf8=False, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def samples(text: Text, delimiter: str, skip: int, width: int, size: int) -> Iterator[Columns]:
    """Give the first block, and lines from all over the text where its encoding lets one start anywhere.

    They are a sample: a line that begins within a quoted value is not told from a whole one.
    """
    first = next(blocks(text, delimiter, skip, width, dialect.Slips(), size), [])
    if isinstance(first, list):
        whole = [record for record in first if len(record) == width]
        first = tuple(pa.array(column, pa.string()) for column in zip(*whole, strict=True))
    if first:
        yield first
    if isinstance(text, Aligned) or "\n,".encode(text.encoding) != b"\n,":
        return
    length = text.path.stat().st_size
    with text.path.open("rb") as file:
        for place in range(1, _SAMPLES):
            file.seek(length * place // _SAMPLES)
            piece = file.read(size)
            lines = piece[piece.find(b"\n") + 1 : piece.rfind(b"\n") + 1].decode(text.encoding, "replace")
            with suppress(pa.ArrowInvalid):
                yield tuple(
                    column.combine_chunks()
                    for column in _parse(lines.encode(), delimiter, width, lambda _row: "skip").columns
                )
