"""From any Arrow type a file declares to the few that a layer has; what values lose on the way is counted."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_DAYS = (-719_162, 2_932_896)
"""From the first day of the year 1 to the last of 9999: what every program that volunteers use can show."""
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_MOST_DIGITS = 38
_NO_DATE = "dates and times before the year 1 or after 9999 were left empty (NULL)"
_CUT = "times finer than a microsecond were cut to one"
_NO_UTF8 = "characters that are no valid text were replaced with \N{REPLACEMENT CHARACTER}"
_NUL = "the character NUL, which the database cannot hold, was taken out"
_NO_JSON = "lists or objects that cannot be written as JSON were left empty (NULL)"


@dataclass
class Losses:
    """What the values of one column lost, by sentence, and how many values; grows batch by batch."""

    counted: dict[str, int] = field(default_factory=dict)

    def add(self, sentence: str, values: int) -> None:
        """Count some more values."""
        if values:
            self.counted[sentence] = self.counted.get(sentence, 0) + values

    def notes(self) -> list[tuple[str, str]]:
        """Give each sentence with its number, as `notes.together` wants them."""
        return [
            (sentence, f"{values:,} value" + "s" * (values > 1)) for sentence, values in self.counted.items()
        ]


_Convert = Callable[[pa.Array, Losses], pa.Array]


def bare(kind: pa.DataType) -> pa.DataType:
    """Give the type behind extensions, dictionaries and runs."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
            kind = kind.value_type
        else:
            return kind


def target(kind: pa.DataType) -> pa.DataType:
    """Choose the layer's type for a declared one. uint64 becomes int64, which its values may contradict."""
    kind = bare(kind)
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC") if kind.tz else pa.timestamp("us")
    if pa.types.is_decimal(kind):
        digits, scale = (kind.precision, kind.scale) if kind.scale >= 0 else (kind.precision - kind.scale, 0)
        return pa.decimal128(digits, scale) if digits <= _MOST_DIGITS else pa.string()
    return next((given for fits, given, _ in _RULES if fits(kind)), pa.string())


def convert(array: pa.Array, wanted: pa.DataType, losses: Losses) -> pa.Array:
    """Turn values into `wanted`: what `target` gives, or text.

    Raises ArrowInvalid where a value does not fit, which only those of uint64 may do.
    """
    array = uncovered(array)
    kind = array.type
    if pa.types.is_timestamp(kind):
        array = _moments(array, losses)
    change = next((change for fits, given, change in _RULES if fits(kind) and given == wanted), None)
    if change is not None:
        return change(array, losses)
    return _spelt(array, losses) if wanted == pa.string() else array.cast(wanted)


def uncovered(array: pa.Array) -> pa.Array:
    """Give the values behind extensions, dictionaries and runs."""
    while True:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        elif pa.types.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        else:
            return array


def _text(array: pa.Array, losses: Losses) -> pa.Array:
    """Make sure that text is UTF-8 and free of NUL, which PostgreSQL refuses."""
    raw = array.cast(pa.string()).cast(pa.binary())
    try:
        text = raw.cast(pa.string())
    except pa.ArrowInvalid:
        before = raw.to_pylist()
        after = [None if one is None else one.decode(errors="replace") for one in before]
        losses.add(_NO_UTF8, sum(1 for one in zip(before, after, strict=True) if _changed(*one)))
        text = pa.array(after, pa.string())
    characters = text.buffers()[2]
    if characters is None or not characters.size or np.frombuffer(characters, np.uint8).min():
        return text
    holding = pc.match_substring(text, "\x00")
    losses.add(_NUL, pc.sum(holding).as_py() or 0)
    return pc.replace_substring(text, "\x00", "")


def _changed(before: bytes | None, after: str | None) -> bool:
    return before is not None and after is not None and after.encode() != before


def _days(array: pa.Array, losses: Losses) -> pa.Array:
    if pa.types.is_date64(array.type):
        array = pc.floor(pc.divide(array.view(pa.int64()).cast(pa.float64(), safe=False), 86_400_000.0))
        array = _within(array, _DAYS, losses).cast(pa.int32())
    return _within(array.view(pa.int32()), _DAYS, losses).view(pa.date32())


def _moments(array: pa.Array, losses: Losses) -> pa.Array:
    """Give microseconds, within the years 1 to 9999."""
    kind = array.type
    micro = pa.timestamp("us", "UTC" if kind.tz else None)
    if kind.unit == "ns":
        cut = array.cast(pa.timestamp("us", kind.tz), safe=False)
        losses.add(_CUT, pc.sum(pc.not_equal(cut.cast(kind, safe=False), array)).as_py() or 0)
        return cut.cast(micro)
    range_ = (_DAYS[0] * _PER_DAY[kind.unit], (_DAYS[1] + 1) * _PER_DAY[kind.unit] - 1)
    return _within(array.view(pa.int64()), range_, losses).view(kind).cast(micro)


def _within(numbers: pa.Array, allowed: tuple[int, int], losses: Losses) -> pa.Array:
    low, high = pc.min_max(numbers).as_py().values()
    if low is None or (low >= allowed[0] and high <= allowed[1]):
        return numbers
    inside = pc.and_(pc.greater_equal(numbers, allowed[0]), pc.less_equal(numbers, allowed[1]))
    losses.add(_NO_DATE, pc.sum(pc.invert(inside)).as_py() or 0)
    return pc.if_else(inside, numbers, pa.scalar(None, numbers.type))


def _clock(array: pa.Array, _losses: Losses) -> pa.Array:
    return _without_zeros(array.cast(pa.string()))


def _without_zeros(text: pa.Array) -> pa.Array:
    """Take off the zeros at the end of seconds."""
    return pc.replace_substring_regex(text, r"(:\d\d)(?:\.0+|(\.\d*[1-9])0*)([^\d].*)?$", r"\1\2\3")


def _spelt(array: pa.Array, losses: Losses) -> pa.Array:
    """Write typed values as text, moments and whole numbers as a person would."""
    text = array.cast(pa.string())
    if pa.types.is_timestamp(array.type):
        text = _without_zeros(pc.replace_substring_regex(text, r"\+0000$", "+00"))
    return _text(text, losses)


def _hex(array: pa.Array, _losses: Losses) -> pa.Array:
    return pa.array([None if one is None else one.hex() for one in array.to_pylist()], pa.string())


def _span(array: pa.Array, _losses: Losses) -> pa.Array:
    per_second = _PER_DAY[array.type.unit] // 86_400
    ticks = array.cast(pa.int64()).to_pylist()
    return pa.array([None if one is None else _hours(one, per_second) for one in ticks], pa.string())


def _named(array: pa.Array, _losses: Losses) -> pa.Array:
    """Write calendar intervals as PostgreSQL reads them."""
    spans = array.to_pylist()
    return pa.array(
        [None if one is None else f"{one[0]} mons {one[1]} days {one[2] / 1e9:.9f} secs" for one in spans],
        pa.string(),
    )


def _hours(ticks: int, per_second: int) -> str:
    """Write a duration as PostgreSQL reads intervals: -26:30:00.5."""
    seconds, part = divmod(abs(ticks), per_second)
    fraction = f".{part:0{len(str(per_second)) - 1}}".rstrip("0") if part else ""
    return f"{'-' * (ticks < 0)}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def _json(array: pa.Array, losses: Losses) -> pa.Array:
    kind = _in_microseconds(array.type)
    array = array.cast(kind, safe=False) if kind != array.type else array
    return pa.array((_document(one, kind, losses) for one in array), pa.string())


def _in_microseconds(kind: pa.DataType) -> pa.DataType:
    """Replace nanoseconds deep inside a type: Python has none."""
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pa.types.is_struct(kind):
        return pa.struct([one.with_type(_in_microseconds(one.type)) for one in kind])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_in_microseconds(kind.value_type)))
    return kind


def _document(scalar: pa.Scalar, kind: pa.DataType, losses: Losses) -> str | None:
    if not scalar.is_valid:
        return None
    try:
        return json.dumps(_plain(scalar.as_py(), kind), ensure_ascii=False)
    except (ValueError, OverflowError, UnicodeError):
        losses.add(_NO_JSON, 1)
        return None


def _plain(value: Any, kind: pa.DataType) -> Any:
    """Give what JSON can hold of a value of a nested type."""
    kind = bare(kind)
    if value is None:
        return None
    if pa.types.is_map(kind):
        return {str(key): _plain(one, kind.item_type) for key, one in value}
    if pa.types.is_struct(kind):
        return {name: _plain(one, kind.field(at).type) for at, (name, one) in enumerate(value.items())}
    return [_plain(one, kind.value_type) for one in value] if pa.types.is_nested(kind) else _single(value)


def _single(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value if isinstance(value, bool | int | str) else str(value)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _to(kind: pa.DataType) -> _Convert:
    return lambda array, _losses: array.cast(kind)


_RULES: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType, _Convert], ...] = (
    (_is_text, pa.string(), _text),
    (pa.types.is_boolean, pa.bool_(), _to(pa.bool_())),
    (pa.types.is_integer, pa.int64(), _to(pa.int64())),
    (pa.types.is_floating, pa.float64(), _to(pa.float64())),
    (pa.types.is_date, pa.date32(), _days),
    (pa.types.is_time, pa.string(), _clock),
    (pa.types.is_duration, pa.string(), _span),
    (pa.types.is_nested, pa.string(), _json),
    (_is_binary, pa.string(), _hex),
    (pa.types.is_interval, pa.string(), _named),
)
"""What a type is, what it becomes, and how."""
