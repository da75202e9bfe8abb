"""Decide a text column's type over all its values, then turn the text into it, exactly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from divebell.event.model import ColumnType
from divebell.readers import hinted, moments
from divebell.readers.profile import Profile, is_code_name, is_coded
from divebell.readers.texts import NA_IN_NUMBERS, NA_IN_TEXT, Texts


@dataclass(frozen=True)
class Decision:
    """How one column is read: its kind, its type and what counts as missing."""

    name: str
    kind: str
    type: pa.DataType
    missing: tuple[str, ...]
    notes: tuple[tuple[str, str], ...] = ()
    """What to tell: a sentence, and a detail of this column."""
    told: hinted.Told | None = None
    """The type that a person gave the column."""

    def reads_like(self, other: Decision) -> bool:
        """Whether both give the same rows for values that fit both."""
        alike = self.kind == other.kind or {self.kind, other.kind} <= {"int", "float", "grouped"}
        return alike and (self.type, self.missing, self.told) == (other.type, other.missing, other.told)


def decide(profile: Profile | hinted.Profile) -> Decision:
    """Choose the type of a column from the profile of all its values, or as a person said."""
    if isinstance(profile, hinted.Profile):
        return _hinted(profile)
    kind, notes = _kind(profile)
    if kind == "text":
        return _text(profile, notes)
    notes += _missing(profile.missing)
    notes += _sentinels(profile)
    return Decision(profile.name, kind, _type(profile, kind), ("", *NA_IN_NUMBERS), tuple(notes))


def _hinted(profile: hinted.Profile) -> Decision:
    if profile.type is ColumnType.TEXT:
        return Decision(profile.name, "text", pa.string(), ("",))
    told, notes = profile.told(), (*_missing(profile.missing), *profile.notes())
    return Decision(profile.name, "hinted", told.arrow, ("", *NA_IN_NUMBERS), notes, told)


def _missing(spellings: Iterable[str]) -> list[tuple[str, str]]:
    spelt = ", ".join(f"'{one}'" for one in spellings if one)
    return [("NA spellings were read as missing values (NULL)", spelt)] if spelt else []


def _kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    kinds = profile.kinds
    if not profile.values:
        return "text", []
    if "truth" in kinds or (kinds & {"yes", "y"} and len(profile.distinct) == 2):
        return next(kind for kind in ("truth", "yes", "y") if kind in kinds), []
    if kinds & {"int", "float", "grouped"}:
        return _number_kind(profile)
    if kinds & {"money", "percent"}:
        return _marked_kind(profile)
    return _date_kind(profile)


def _marked_kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    if "percent" in profile.kinds:
        return "percent", [("the percent sign was taken off: 12.5 % is 12.5", "")]
    if len(profile.symbols) == 1:
        return "money", [("the currency sign was taken off to read numbers", next(iter(profile.symbols)))]
    return "text", [("amounts in several currencies stay text", "")]


def _date_kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    kinds = profile.kinds
    dates = [kind for kind in moments.DATE_KINDS if kind in kinds]
    if len(dates) == 1:
        return dates[0], _date_notes(dates[0])
    if dates:
        return "text", [
            ("day and month could be either way round in every value, so the dates stay text", "")
        ]
    return "text", _why_text(profile)


def _date_notes(kind: str) -> list[tuple[str, str]]:
    order = {"us": "month/day/year", "eu": "day/month/year"}.get(kind[:2])
    return [(f"the dates were read as {order}: the only way that fits all values", "")] if order else []


def _number_kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    kinds = profile.kinds
    if is_code_name(profile.name) and ("int" in kinds or profile.all_point_zero or _is_tract(profile.name)):
        note = [("the codes are written as decimals, such as 12.0; they stay exactly as written", "")]
        return "text", note if profile.all_point_zero else []
    if re.search(r"(^|_)ids?$", profile.name):
        if "int" in kinds and (profile.lengths - {1, 2, 3, 4}) and len(profile.lengths) == 1:
            return "text", []
        if "int" not in kinds and profile.all_point_zero:
            return "text", [
                ("the ids are written as decimals, such as 12.0; they stay exactly as written", "")
            ]
    if profile.too_long:
        return "text", [("numbers of more than 18 digits stay text", "")]
    if "int" in kinds or "float" in kinds:
        return _exact_kind(profile)
    return "grouped", [("commas between thousands were taken off to read numbers", "")]


def _exact_kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    if "int" in profile.kinds:
        return "int", []
    if abs(profile.most) == float("inf") or abs(profile.least) == float("inf"):
        return "text", [
            ("some numbers are too large for a computer's decimal type, so the column stays text", "")
        ]
    if not profile.inexact:
        return "float", []
    if not profile.exponents and profile.whole_digits + profile.decimals <= 38:
        return "decimal", []
    return "text", [("the numbers have more digits than any number type keeps, so they stay text", "")]


def _is_tract(name: str) -> bool:
    return name.endswith(("tract", "tractce"))


def _type(profile: Profile, kind: str) -> pa.DataType:
    if kind in moments.DATE_KINDS:
        return moments.type_of(kind)
    if kind == "decimal":
        return pa.decimal128(38, profile.decimals)
    if kind in {"truth", "yes", "y"}:
        return pa.bool_()
    if kind == "grouped":
        return pa.float64() if profile.has_point else pa.int64()
    return {"int": pa.int64(), "float": pa.float64(), "money": pa.float64(), "percent": pa.float64()}[kind]


def _text(profile: Profile, notes: list[tuple[str, str]]) -> Decision:
    spellings: tuple[str, ...] = NA_IN_TEXT
    if profile.only_short_codes and profile.values:
        spellings = tuple(one for one in NA_IN_TEXT if one != "NA")
        if profile.missing["NA"]:
            notes.append(("'NA' was kept, since every value is a code of two letters", ""))
    notes += _missing(one for one in profile.missing if one in spellings)
    return Decision(profile.name, "text", pa.string(), ("", *spellings), tuple(notes))


def _why_text(profile: Profile) -> list[tuple[str, str]]:
    other = profile.first_other or ""
    coded = is_coded(profile.name, other)
    if not coded and profile.numeric and profile.numeric >= 0.9 * profile.values:
        return [("nearly all values are numbers, but not all, so the column stays text", f"'{other[:40]}'")]
    if profile.dates_alike >= 0.5 * profile.values:
        return [
            ("the dates are written in more than one way (or with two-digit years), so they stay text", "")
        ]
    return []


def _sentinels(profile: Profile) -> list[tuple[str, str]]:
    edges = {profile.least, profile.most}
    found = [
        f"{text} ({count} times)"
        for text, count in profile.sentinels.items()
        if float(text) in edges and (count > 1 or text.startswith("-"))
    ]
    sentence = (
        "a number that often stands for 'no value' was kept as a number; leave it out of sums and means"
    )
    return [(sentence, ", ".join(found[:3]))] if found else []


def convert(column: Texts, decision: Decision) -> pa.Array:
    """Turn a batch of text into the decided type. Text keeps every character; missing values become null."""
    if decision.kind == "text":
        return column.without(decision.missing, trimmed=False)
    if decision.told is not None:
        return hinted.convert(column, decision.told)
    if decision.kind in {"int", "float"} and column.number is not None:
        return column.spread(column.ints if decision.kind == "int" else column.floats)
    if decision.kind in moments.DATE_KINDS and decision.kind in column.made:
        return column.spread(column.made[decision.kind])
    return column.each(decision.missing, lambda kept: _converted(kept, decision))


def _converted(kept: pa.Array, decision: Decision) -> pa.Array:
    if decision.kind in moments.DATE_KINDS:
        return moments.parse(kept, decision.kind)
    if decision.kind in {"truth", "yes", "y"}:
        truth = pc.is_in(pc.utf8_lower(kept), value_set=pa.array(["true", "yes", "y"]))
        return pc.if_else(pc.is_null(kept), pa.scalar(None, pa.bool_()), truth)
    if decision.kind in {"grouped", "money", "percent"}:
        bare = pc.replace_substring_regex(kept, r"^\(", "-")
        kept = pc.replace_substring_regex(bare, r"[^0-9.\-]", "")
    return kept.cast(decision.type)
