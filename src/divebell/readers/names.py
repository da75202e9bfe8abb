"""Headers become PostgreSQL names: unique, readable, and nothing lost without a word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LONGEST = 63
"""PostgreSQL cuts names after this many bytes."""

_SHOWN = 3

RESERVED = frozenset({"geom", "row_id", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Names that the loader or PostgreSQL itself keeps for every table."""

_LETTERS = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґαβγδεζηθικλμνξοπρσςτυφχψωßæøœðþłđħıŋ",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "yo",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            ".",
            "y",
            ".",
            "e",
            "yu",
            "ya",
            "i",
            "yi",
            "ye",
            "g",
            "a",
            "v",
            "g",
            "d",
            "e",
            "z",
            "i",
            "th",
            "i",
            "k",
            "l",
            "m",
            "n",
            "x",
            "o",
            "p",
            "r",
            "s",
            "s",
            "t",
            "y",
            "f",
            "ch",
            "ps",
            "o",
            "ss",
            "ae",
            "o",
            "oe",
            "d",
            "th",
            "l",
            "d",
            "h",
            "i",
            "ng",
        ],
        strict=True,
    )
)
_SIGNS = {"%": "_percent_", "#": "_number_", "&": "_and_", "$": "_dollars_", "€": "_euro_", "£": "_pounds_"}


def postgres_name(text: str) -> str:
    """Spell any text as [a-z_][a-z0-9_]* without a limit of length; empty when nothing of it can be spelt."""
    lowered = unicodedata.normalize("NFKC", text).lower()
    spelt = "".join(_spell(letter) for letter in lowered)
    plain = unicodedata.normalize("NFKD", spelt).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name and (signs := "".join(_SIGNS.get(letter, "") for letter in lowered)):
        name = re.sub(r"_+", "_", signs).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


def _spell(letter: str) -> str:
    if letter == "%":
        return _SIGNS[letter]
    return _LETTERS.get(letter, letter).replace(".", "") if letter in _LETTERS else letter


def column_names(originals: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give each header a unique PostgreSQL name of at most 63 bytes, and a warning for each repair.

    Blank headers become column_<number>; the second of two alike gets _2; reserved names get _value.
    """
    spelt = [postgres_name(original) for original in originals]
    taken: set[str] = set()
    names: list[str] = []
    repairs: list[tuple[str, str]] = []
    firsts = {name[:LONGEST] for name in spelt if name}
    for number, (original, name) in enumerate(zip(originals, spelt, strict=True), start=1):
        wanted = name or f"column_{number}"
        if wanted in RESERVED:
            wanted = f"{wanted}_value"
        final = _free(wanted, taken, firsts)
        taken.add(final)
        names.append(final)
        repairs += _repairs(number, original, name, final)
    return tuple(names), _few(repairs)


def _few(repairs: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Give the sentences; where many columns were repaired in one way, the first ones and their number."""
    by_way: dict[str, list[str]] = {}
    for way, sentence in repairs:
        by_way.setdefault(way, []).append(sentence)
    told = []
    for sentences in by_way.values():
        if len(sentences) > _SHOWN:
            more = len(sentences) - 1
            told.append(f"{sentences[0]}; so it is with {more:,} other columns")
        else:
            told += sentences
    return tuple(told)


def _free(wanted: str, taken: set[str], firsts: set[str]) -> str:
    name, count = wanted[:LONGEST], 1
    while name in taken or (count > 1 and name in firsts):
        count += 1
        ending = f"_{count}"
        name = wanted[: LONGEST - len(ending)] + ending
    return name


def _repairs(number: int, original: str, name: str, final: str) -> list[tuple[str, str]]:
    if not original.strip():
        return [("blank", f"column {number} has no name; it is called {final}")]
    shown = original if len(original) <= 70 else original[:67] + "..."
    column = f"column {number} ('{shown}')"
    if not name:
        return [("letters", f"{column} cannot be spelt in plain letters; it is called {final}")]
    if name in RESERVED:
        kept = f"column {number} is named '{shown}', which the database keeps for itself"
        return [("reserved", f"{kept}; it is called {final}")]
    if len(name) > LONGEST:
        return [("long", f"the name of {column} is too long; it is cut to {final}")]
    if final != name:
        told = f"column {number} is named '{shown}' like another column; this one is called {final}"
        return [("double", told)]
    return []
