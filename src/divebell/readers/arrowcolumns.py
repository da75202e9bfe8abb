"""Columns of declared types, seen as the search for coordinates sees those of text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from divebell.readers import arrowtypes
from divebell.readers.texts import Texts


class Columns(Sequence[Texts]):
    """A batch's attributes as text, each made only when it is asked for."""

    def __init__(self, batch: pa.RecordBatch, attributes: Sequence[int]) -> None:
        self._batch = batch
        self._attributes = attributes
        self._made: dict[int, Texts] = {}

    def __len__(self) -> int:
        return len(self._attributes)

    def __getitem__(self, number: int) -> Texts:  # type: ignore[override]  # never asked for a slice
        if number not in self._made:
            array = arrowtypes.uncovered(self._batch.column(self._attributes[number]))
            numeric = pa.types.is_floating(array.type) or pa.types.is_integer(array.type)
            self._made[number] = _Numbers(array) if numeric else texts(array)
        return self._made[number]


class _Numbers(Texts):
    """A column of numbers; as text only where that is asked for."""

    def __init__(self, array: pa.Array) -> None:
        self._array = array.cast(pa.float64(), safe=False)
        self._none = np.asarray(pc.is_null(self._array, nan_is_null=True))

    def __len__(self) -> int:
        return len(self._array)

    @cached_property
    def values(self) -> pa.Array:
        """The numbers as text, made when it is asked for."""
        return _text(pc.if_else(pa.array(self._none), pa.scalar(None, pa.float64()), self._array))

    def blank(self) -> npt.NDArray[np.bool_]:
        """Mark where no number stands."""
        return self._none

    @cached_property
    def absent(self) -> npt.NDArray[np.bool_] | None:
        """Where there is no number; None when there is one everywhere."""
        return self._none if self._none.any() else None

    @cached_property
    def number(self) -> str:
        """All values are numbers."""
        return "float"

    @cached_property
    def floats(self) -> pa.Array:
        """The numbers that are there."""
        return self._array if self.absent is None else self._array.filter(pa.array(~self._none))


def texts(array: pa.Array) -> Texts:
    """Give a column of any type as text."""
    return Texts(_text(array))


def _text(array: pa.Array) -> pa.Array:
    return pc.fill_null(arrowtypes.convert(array, pa.string(), arrowtypes.Losses()), "")
