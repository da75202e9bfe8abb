"""A private folder for what has to be unpacked; it goes when the last layer that needs it is forgotten."""

from __future__ import annotations

import errno
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from divebell.readers.model import Layer


class Scratch:
    """A temporary folder that lives as long as this object, or a layer it is kept for."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="divebell-read-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def keep_for(self, layer: Layer) -> Layer:
        """Give the layer back so that the folder stays while the layer can still be read."""

        def batches() -> Iterator[pa.RecordBatch]:
            yield from layer.batches()
            self.folder.stat()

        settle = layer.settle
        return replace(
            layer, batches=batches, settle=None if settle is None else lambda: self.keep_for(settle())
        )


def is_full(error: BaseException) -> bool:
    """Whether something failed because the disk, or the share of it, is full: the file is not to blame."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
