"""Numbers as people write them: with thousands set apart, signs, currencies, percents, points or commas."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_BLANK = "[ \u00a0\u202f\u2009']"
_MINUS = "[-\u2212]"
_MONEY = "[$€£]"


def _number(groups: str, point: str) -> str:
    grouped = rf"[1-9]\d{{0,2}}(({groups}\d{{3}}){{1,3}}|({_BLANK}\d{{3}}){{1,3}})({point}\d{{1,3}})?"
    return rf"({grouped}|(0|[1-9]\d*)({point}\d*)?|{point}\d+)"


def _written(groups: str, point: str) -> dict[str, str]:
    number = _number(groups, point)
    gain = rf"\+(0|[1-9]\d{{0,5}})({point}\d*)?"
    return {
        "": rf"^({_MINUS}?{number}|{gain}|\({number}\))$",
        "money": rf"^({_MINUS}?{_MONEY}{_BLANK}?{_MINUS}?{number}|{_MINUS}?{number}{_BLANK}?€"
        rf"|\({_MONEY}?{_BLANK}?{number}{_BLANK}?€?\)|{_MONEY}{_BLANK}?\({number}\))$",
        "percent": rf"^({_MINUS}?{number}|{gain}){_BLANK}?%$",
    }


_POINTS, _COMMAS = _written(",", r"\."), _written(r"\.", ",")
WITH_POINTS = {"grouped": _POINTS[""], "money": _POINTS["money"], "percent": _POINTS["percent"]}
WITH_COMMAS = {
    "comma": _COMMAS[""],
    "comma money": _COMMAS["money"],
    "comma percent": _COMMAS["percent"],
}
"""How each kind is written where a comma stands before the decimals, and a point between thousands."""
KINDS = {**WITH_POINTS, **WITH_COMMAS}
COMMA_FOR_SURE = rf"^[^0-9]*0,\d|^[-−]\d+,\d|,\d{{4}}|\d\.\d{{3}}[.,]\d|{_BLANK}\d{{3}},\d|[$€£%]"
"""A value of a comma kind that can be nothing else, such as two numbers of a list."""
MARKS = (".", ",", " ", "\u00a0", "\u202f", "\u2009", "'", "(", "+", "\u2212")
BLANKS = frozenset(MARKS[2:7])
_SIGN = "[(+\u2212\u2013-]"
ALIKE = (
    rf"^{_SIGN}?{_BLANK}?{_MONEY}?{_BLANK}?{_SIGN}?(0|[1-9]\d*)(([.,]|{_BLANK})\d{{3}})*([.,]\d*)?"
    rf"([eE][-+]?\d+)?{_BLANK}?[%€$£)-]{{0,3}}$"
)
"""What looks like a number, in whatever way it is written."""


def bare(texts: pa.Array, kind: str) -> pa.Array:
    """Give texts of a kind as plain numbers with a point."""
    commas = kind in WITH_COMMAS
    digits = pc.replace_substring_regex(texts, r"[^0-9,]" if commas else r"[^0-9.]", "")
    if commas:
        digits = pc.replace_substring(digits, ",", ".")
    below = pc.match_substring_regex(texts, "[(\u2212-]")
    return pc.if_else(below, pc.binary_join_element_wise("-", digits, ""), digits)
