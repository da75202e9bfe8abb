"""Decide a text column's type over all its values, then turn the text into it, exactly or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from divebell.event.model import ColumnType
from divebell.readers import amounts, hinted, moments
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


@dataclass(frozen=True)
class Notation:
    """What the whole file says of how its numbers are written."""

    semicolons: bool = False
    """Whether semicolons separate the values, so that commas are free for decimals."""
    commas: bool = False
    """Whether a column proves decimal commas."""
    points: bool = False
    """Whether a column proves decimal points."""

    @property
    def open(self) -> bool:
        """Whether 1.234 may be one thousand."""
        return self.commas or (self.semicolons and not self.points)


def notation(profiles: Iterable[Profile | hinted.Profile], delimiter: str) -> Notation:
    """Find how numbers are written from all columns of a file."""
    proofs = {one.proves(delimiter) for one in profiles if isinstance(one, Profile)}
    return Notation(delimiter == ";", "comma" in proofs, "point" in proofs)


def decide(profile: Profile | hinted.Profile, written: Notation | None = None) -> Decision:
    """Choose the type of a column from the profile of all its values, or as a person said."""
    if isinstance(profile, hinted.Profile):
        return _hinted(profile)
    kind, notes = _kind(profile, written or Notation())
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


def _kind(profile: Profile, written: Notation) -> tuple[str, list[tuple[str, str]]]:
    kinds = profile.kinds
    if not profile.values:
        return "text", []
    if "truth" in kinds or (kinds & {"yes", "y"} and len(profile.distinct) == 2):
        return next(kind for kind in ("truth", "yes", "y") if kind in kinds), []
    if not profile.notation:
        return _date_kind(profile)
    if _is_code(profile):
        return _code_kind(profile)
    return _number_kind(profile, written)


_EITHER = (
    (
        "numbers such as 1.234 or 1,234 may be thousands or decimals, and no value says which, so the column "
        "stays text; give its type with 'types' in the event file"
    ),
    "",
)
_LISTS = (
    (
        "values such as '1,5' may be numbers with decimal commas or lists, so the column stays text; "
        "give its type with 'types' in the event file"
    ),
    "",
)


def _number_kind(profile: Profile, written: Notation) -> tuple[str, list[tuple[str, str]]]:
    if profile.notation == "either" and (written.open or "€" in profile.symbols):
        return "text", [_EITHER]
    if profile.notation == "comma" and not (written.semicolons or written.commas or profile.comma_for_sure):
        return "text", [_LISTS]
    return _plain_kind(profile)


def _plain_kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    if profile.too_long:
        return "text", [("numbers of more than 18 digits stay text", "")]
    if profile.kinds & {"int", "float"} and profile.notation != "comma":
        return _exact_kind(profile)
    if profile.inexact:
        return "text", [_TOO_EXACT]
    if profile.enclosed == profile.values and not profile.symbols:
        return "text", [("every value stands in parentheses, so the column stays text", "")]
    return _marked_kind(profile)


def _marked_kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    comma = profile.notation == "comma"
    kind = next(
        kind for kind in (amounts.WITH_COMMAS if comma else amounts.WITH_POINTS) if kind in profile.kinds
    )
    if len(profile.symbols) > 1:
        return "text", [("amounts in several currencies stay text", "")]
    notes = []
    if kind.endswith("percent"):
        notes.append(("the percent sign was taken off: 12.5 % is 12.5", ""))
    elif kind.endswith("money"):
        notes.append(("the currency sign was taken off to read numbers", next(iter(profile.symbols), "")))
    return kind, [*notes, *_mark_notes(profile, comma=comma)]


def _mark_notes(profile: Profile, *, comma: bool) -> list[tuple[str, str]]:
    marks, notes = profile.marks, []
    if comma and "," in marks:
        notes.append(("decimal commas were read: 1.234,50 is 1234.50", ""))
    elif comma:
        notes.append(("dots between thousands were taken off to read numbers", ""))
    elif "," in marks:
        notes.append(("commas between thousands were taken off to read numbers", ""))
    if marks & amounts.BLANKS and not profile.symbols and "percent" not in " ".join(profile.kinds):
        notes.append(("blanks between thousands were taken off to read numbers", ""))
    if "(" in marks:
        notes.append(("numbers in parentheses were read as negative: (5) is -5", ""))
    if marks & {"+", "\u2212"}:
        notes.append(("the signs of the numbers were read: +5 is 5, and \u22125 is -5", ""))
    return notes


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
    if kind.startswith(("named", "spelt")):
        return [("the names of months were read as those of dates", "")]
    return [(f"the dates were read as {order}: the only way that fits all values", "")] if order else []


def _is_code(profile: Profile) -> bool:
    """Whether the numbers of a column are codes or ids, to be kept as they are written."""
    kinds, name = profile.kinds, profile.name
    whole, plain = "int" in kinds, bool(kinds & {"int", "float"})
    if plain and profile.exponents and profile.most >= 1e5 and (is_code_name(name) or _ID.search(name)):
        return True
    if is_code_name(name) and (whole or profile.all_point_zero or _is_tract(name)):
        return True
    if re.search(r"(^|_)ids?$", name):
        long = bool(profile.lengths - {1, 2, 3, 4}) and len(profile.lengths) == 1
        return long if whole else profile.all_point_zero
    return False


def _code_kind(profile: Profile) -> tuple[str, list[tuple[str, str]]]:
    if profile.exponents:
        return "text", [
            (
                (
                    "the codes are written like 1.23E+11, so digits were lost before the file came here; "
                    "they stay as written. Export the file again with this column as text"
                ),
                "",
            )
        ]
    what = "codes" if is_code_name(profile.name) else "ids"
    note = (f"the {what} are written as decimals, such as 12.0; they stay exactly as written", "")
    return "text", [note] if profile.all_point_zero and "int" not in profile.kinds else []


_ID = re.compile(r"(^|_)(ids?|barcodes?|numbers?|nr|no|key|ref|reference|account)$")


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
    return "text", [_TOO_EXACT]


_TOO_EXACT = ("the numbers have more digits than any number type keeps, so they stay text", "")


def _is_tract(name: str) -> bool:
    return name.endswith(("tract", "tractce"))


def _type(profile: Profile, kind: str) -> pa.DataType:
    if kind in moments.DATE_KINDS:
        return moments.type_of(kind)
    if kind == "decimal":
        return pa.decimal128(38, profile.decimals)
    if kind in {"truth", "yes", "y"}:
        return pa.bool_()
    if kind in {"grouped", "comma"}:
        return pa.float64() if profile.marks & {"." if kind == "grouped" else ","} else pa.int64()
    return pa.int64() if kind == "int" else pa.float64()


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
    shown, undated = f"'{other[:40]}'", profile.first_undated
    numeric = 0 if is_coded(profile.name, other) else profile.numeric
    if numeric and numeric >= 0.9 * profile.values:
        return [("nearly all values are numbers, but not all, so the column stays text", shown)]
    if profile.dates_alike >= 0.5 * profile.values:
        return [_dates_why(undated)]
    if not is_coded(profile.name, other) and profile.numeric + profile.alike >= 0.9 * profile.values:
        return [
            (
                (
                    "nearly all values look like numbers, but are not written in one way that is certain, so "
                    "the column stays text"
                ),
                shown,
            )
        ]
    return []


def _dates_why(undated: str | None) -> tuple[str, str]:
    if undated is None:
        return "the dates are written in more than one way, so they stay text", ""
    if re.search(r"^\d{1,2}([-/. ])(\d{1,2}|[A-Za-z]{3})\1\d{2}\b", undated):
        return "the dates have two-digit years, so they stay text", f"'{undated[:40]}'"
    return "most values are dates, but not all, so the column stays text", f"'{undated[:40]}'"


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
    if decision.kind in amounts.KINDS:
        kept = amounts.bare(kept, decision.kind)
    return kept.cast(decision.type)
