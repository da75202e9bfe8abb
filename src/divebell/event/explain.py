"""Say what the validator found in words: what stands there, what was expected, what was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from divebell.event.document import Path
from divebell.event.model import Event
from divebell.event.problems import did_you_mean

LATER: Mapping[Path, str] = {
    ("people", "organisers"): "organisers",
    ("deploy",): "deployment",
    ("server",): "deployment",
    ("backup",): "backups",
}
"""Keys that are planned and not in this version."""

LATER_VALUES: Mapping[Path, frozenset[str]] = {
    ("workspace", "runs_in"): frozenset({"swarm"}),
}
"""Values that are planned and not in this version."""

_KINDS = {
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list, such as [one, two]",
    "dict_type": "a mapping, a line for each key",
}
_SECRET = re.compile(r"pass(word|wd|phrase)|token|secret|credential|api_?key", re.IGNORECASE)
_TRUTH = {"yes", "no", "on", "off", "y", "n", "true", "false"}


def explain(error: Mapping[str, Any]) -> tuple[Path, str]:
    """Turn one of pydantic's errors into the path of its key and a message."""
    path = tuple(part for part in error["loc"] if part != "[key]")
    return path, _message(path, error)


def _message(path: Path, error: Mapping[str, Any]) -> str:
    found, ctx = error["input"], error.get("ctx", {})
    match error["type"]:
        case "divebell":
            return str(ctx["message"])
        case "extra_forbidden":
            return _unknown_key(path)
        case "missing":
            return f"found nothing, expected this key: {_described(path)}"
        case "enum" | "literal_error":
            return _unknown_value(path, found, ctx["expected"])
        case "string_too_long":
            return f"found {shown(found)}, expected at most {ctx['max_length']} characters"
        case kind:
            return f"found {shown(found)}, expected {_expected(kind, path, found)}"


def shown(value: object) -> str:
    """Show a value in few words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _expected(kind: str, path: Path, found: object) -> str:
    if kind in {"greater_than_equal", "less_than_equal", "greater_than"}:
        return _range(path)
    if kind == "model_type":
        return f"a mapping with the keys {', '.join(_section(path).model_fields)}"
    return _KINDS.get(kind, "another value") + _advice(kind, found)


def _advice(kind: str, found: object) -> str:
    if kind == "string_type" and isinstance(found, int | float):
        return "; put it in quotes"
    if kind == "bool_type" and str(found).casefold() in _TRUTH:
        return "; write true for yes, false for no"
    if kind in {"int_type", "float_type"} and re.fullmatch(r"[\d.]+", str(found)):
        return "; leave the quotes out"
    return ""


def _range(path: Path) -> str:
    field = _section(path[:-1]).model_fields[str(path[-1])]
    low = next((rule.ge for rule in field.metadata if hasattr(rule, "ge")), None)
    over = next((rule.gt for rule in field.metadata if hasattr(rule, "gt")), None)
    high = next((rule.le for rule in field.metadata if hasattr(rule, "le")), None)
    least = f"from {low:g}" if low is not None else f"above {over:g}"
    return f"a number {least} to {high:g}" if low is not None else f"a number {least}, at most {high:g}"


def _unknown_key(path: Path) -> str:
    if _SECRET.search(str(path[-1])):
        return "found a key for something secret, expected none; nothing secret belongs in the event file"
    if path in LATER:
        return f"found a key for {LATER[path]}, which this version does not have yet; leave it out"
    known = list(_section(path[:-1]).model_fields)
    hint = did_you_mean(str(path[-1]), known)
    elsewhere = [".".join(map(str, home)) for home in _homes(str(path[-1]))]
    if not hint and elsewhere:
        hint = f"; did you mean '{elsewhere[0]}'?"
    return f"found an unknown key, expected one of {', '.join(known)}{hint}"


def _unknown_value(path: Path, found: object, expected: str) -> str:
    if str(found) in LATER_VALUES.get(path, ()):
        return f"found '{found}', which this version does not have yet, expected {expected}"
    known = re.findall(r"'([^']+)'", expected)
    return f"found {shown(found)}, expected {expected}{did_you_mean(str(found), known)}"


def _described(path: Path) -> str:
    field = _section(path[:-1]).model_fields[str(path[-1])]
    return (field.description or "").rstrip(".")


def _homes(key: str) -> list[Path]:
    """Find the sections, one level down, that have this key."""
    return [
        (name, key)
        for name, field in Event.model_fields.items()
        if (section := section_of(field.annotation)) is not None and key in section.model_fields
    ]


def _section(path: Path) -> type[BaseModel]:
    """Find the model that holds the keys of the section at `path`."""
    section: type[BaseModel] = Event
    for part in path:
        field = section.model_fields.get(str(part))
        below = section_of(field.annotation) if field is not None else None
        section = below or section
    return section


def section_of(annotation: Any) -> type[BaseModel] | None:
    """Find the section within a field's type, through `| None`, lists and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in {Annotated, Union, UnionType, tuple, dict}:
        found = (section_of(argument) for argument in get_args(annotation))
        return next((section for section in found if section is not None), None)
    return None


def choices_of(annotation: Any) -> list[str]:
    """List the values an enumeration allows."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    found = (choices_of(argument) for argument in get_args(annotation) if not isinstance(argument, str))
    words = [argument for argument in get_args(annotation) if isinstance(argument, str)]
    return words or next(filter(None, found), [])
