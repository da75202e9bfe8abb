"""What a map asks of its tiles besides where they are: which columns, which statistic, which rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from divebell.errors import DivebellError
from divebell.tiles.layers import Layer

MOST_CATEGORIES = 50


class Stat(StrEnum):
    """What a cell's value is of its rows."""

    MEAN = "mean"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    COUNT = "count"


@dataclass(frozen=True)
class Style:
    """How a map is drawn, as far as its tiles depend on it."""

    column: str | None = None
    size: str | None = None
    stat: Stat = Stat.MEAN
    low: float | None = None
    high: float | None = None
    only: tuple[str, ...] = ()
    by: str | None = None
    """The column by which rows are chosen, where it is another than `column`."""

    @property
    def filtered(self) -> bool:
        """Whether some rows may be left out."""
        return self.low is not None or self.high is not None or bool(self.only)

    @property
    def chooser(self) -> str | None:
        """The column by which rows are chosen."""
        return self.by or self.column

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends of the numbers wanted."""
        low = -1e300 if self.low is None else self.low
        return low, 1e300 if self.high is None else self.high

    @property
    def shape(self) -> Style:
        """The same style as far as its SQL depends on it."""
        return replace(
            self,
            low=None if self.low is None else 0.0,
            high=None if self.high is None else 0.0,
            only=self.only and ("",),
        )

    def categorical(self, layer: Layer) -> bool:
        """Whether the column is no number."""
        field = layer.field(self.column) if self.column else None
        return field is not None and not field.numeric

    def parameters(self) -> list[tuple[str, str]]:
        """Give the parameters of an address that ask for this."""
        columns = [("column", self.column), ("size", self.size), ("by", self.by)]
        pairs = [*columns, ("min", self.low), ("max", self.high)]
        given = [(name, str(value)) for name, value in pairs if value is not None]
        if self.stat is not Stat.MEAN:
            given.append(("stat", self.stat.value))
        return given + [("only", value) for value in self.only]


def style_of(parameters: list[tuple[str, str]], layer: Layer) -> Style:
    """Read a style from an address's parameters. Raises DivebellError that says which is wrong."""
    first = dict(reversed(parameters))
    column, size = _column(first.get("column"), layer), _column(first.get("size"), layer)
    if size and not _numeric(size, layer):
        raise DivebellError("a size comes from a numeric column", next_step="choose another for size")
    low, high = _number("min", first.get("min")), _number("max", first.get("max"))
    only = tuple(value for name, value in parameters if name == "only")
    if len(only) > MOST_CATEGORIES or any("\0" in value for value in only):
        raise DivebellError(f"only: at most {MOST_CATEGORIES} values can be chosen")
    style = Style(column, size, _stat(first.get("stat")), low, high, only, _column(first.get("by"), layer))
    if (low is not None or high is not None) and not (style.chooser and _numeric(style.chooser, layer)):
        raise DivebellError("min and max choose by a numeric column", next_step="name it: by=NAME")
    if only and not style.chooser:
        raise DivebellError("only chooses by a column", next_step="name it: by=NAME")
    return style if style.filtered and style.by != column else replace(style, by=None)


def _column(name: str | None, layer: Layer) -> str | None:
    if not name:
        return None
    if layer.field(name) is None:
        raise DivebellError("this table has no such column; it may have been renamed")
    return name


def _numeric(name: str, layer: Layer) -> bool:
    field = layer.field(name)
    return field is not None and field.numeric


def _stat(text: str | None) -> Stat:
    try:
        return Stat(text or Stat.MEAN)
    except ValueError:
        raise DivebellError(f"expected stat to be one of {', '.join(Stat)}") from None


def _number(name: str, text: str | None) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < float("inf"):
        raise DivebellError(f"expected {name} to be a number")
    return number
