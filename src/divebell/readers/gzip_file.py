"""gzip: one dataset, unpacked with limits into a private folder and read by the reader of what is in it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers.archive import Find
from divebell.readers.claims import require_signature
from divebell.readers.model import Layer
from divebell.readers.scratch import Scratch, is_full
from divebell.readers.zipmembers import Budget

_CHUNK = 1 << 20
_IN_PARTS = frozenset({".gz", ".zip", ".kmz", ".shp", ".dbf", ".tar"})
"""What holds more than one file, or is only a part of a dataset."""


class GzipReader:
    """Reads the one dataset in a gzip file; the name tells which: places.csv.gz holds places.csv."""

    name = "Gzip"
    suffixes: tuple[str, ...] = (".gz",)

    def __init__(self, find: Find) -> None:
        self._find = find

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers of what is in the file.

        Raises DivebellError when it is no gzip, unpacks to too much, or holds nothing that can be read.
        """
        require_signature(path, b"\x1f\x8b", "gzip file")
        inner = Path(path.stem)
        if inner.suffix.lower() in _IN_PARTS:
            raise DivebellError(
                f"{path.name} holds '{inner.name}', which is more or less than one dataset",
                next_step="unpack it; commit the data itself or pack it as .zip",
            )
        scratch = Scratch()
        unpacked = scratch.folder / inner.name
        _unpack(path, unpacked)
        reader = self._find(unpacked)
        if reader is None:
            raise DivebellError(
                f"{path.name} holds '{inner.name}', which is no dataset that divebell reads",
                next_step="name it after what it holds, such as places.csv.gz, or remove it",
            )
        return [scratch.keep_for(layer) for layer in reader.read(unpacked, hint)]


def _unpack(path: Path, target: Path) -> None:
    left = Budget.of(path).bytes
    try:
        with gzip.open(path) as source, target.open("wb") as file:
            while chunk := source.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise DivebellError(
                        f"{path.name} unpacks to far more than its own size, like a bomb; it was left alone",
                        next_step="commit the data itself, or in smaller files",
                    )
                file.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        if is_full(error):
            raise
        raise DivebellError(
            f"{path.name} cannot be unpacked: {error}",
            next_step="check that it was uploaded completely, or pack it again",
        ) from error
