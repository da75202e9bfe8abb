"""The parts of an .xlsx workbook: which is which sheet, and which cell styles show numbers as codes."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO
from xml.parsers import expat

_MOST_BYTES = 64 << 20
"""A workbook's lists of sheets and styles are far smaller; what is larger is not looked at."""
_DRESS = re.compile(r"\[\$-[0-9A-Fa-f]+\]|\[[A-Z][a-z]+\]|_.|\"\"")
_PATTERN = re.compile(r"0+(?:-0+)*")
_UP_TO = re.compile(r"\[<=(9+)\](.*)")

Start = Callable[[str, Mapping[str, str]], None]
"""Takes the start of an element: its name with its prefix, and its attributes."""


@dataclass(frozen=True)
class Code:
    """How a number format shows whole numbers as codes, such as 00000 or 00000-0000; the shortest first."""

    patterns: tuple[str, ...]

    def shown(self, number: float) -> str:
        """Write a whole number as the spreadsheet shows it."""
        digits = str(int(number))
        pattern = next((one for one in self.patterns if width(one) >= len(digits)), self.patterns[-1])
        digits, parts = digits.zfill(width(pattern)), []
        for part in reversed(pattern.split("-")[1:]):
            parts.append(digits[-len(part) :])
            digits = digits[: -len(part)]
        return "-".join([digits, *reversed(parts)])


def width(pattern: str) -> int:
    """Count the digits of a pattern."""
    return pattern.count("0")


def code_of(format_code: str) -> Code | None:
    """Give the code that a number format stands for: nothing but zeros and hyphens; None for any other."""
    plain = _DRESS.sub("", format_code).replace("\\-", "-").replace('"-"', "-")
    first, *others = plain.split(";")
    patterns = [first]
    if short := _UP_TO.fullmatch(first):
        patterns = [short[2], others[0] if others else ""]
        if width(short[2]) != len(short[1]):
            return None
    if any(not _PATTERN.fullmatch(one) or width(one) < 2 for one in patterns):
        return None
    return Code(tuple(patterns))


@dataclass
class Parts:
    """What a workbook says of its sheets and styles; empty where that cannot be told."""

    sheets: dict[str, str] = field(default_factory=dict)
    """The path of each sheet in the archive, by its name."""
    codes: dict[int, Code] = field(default_factory=dict)
    """The styles of cells that show codes, by their number."""


def parts_of(archive: zipfile.ZipFile) -> Parts:
    """Find the sheets and the styles for codes. Never raises for XML that is odd: it is left alone then."""
    found = Parts()
    try:
        found.sheets = _sheets(archive)
        found.codes = _codes(archive)
    except (KeyError, ValueError, expat.ExpatError):
        pass
    return found


def walk(stream: IO[bytes], start: Start, end: Callable[[str], None], text: Callable[[str], None]) -> None:
    """Go through XML without keeping it. Raises ExpatError for document types: they belong in no workbook."""
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    while chunk := stream.read(1 << 18):
        parser.Parse(chunk, False)
    parser.Parse(b"", True)


def _refuse(*_: object) -> None:
    raise expat.ExpatError("it has a document type")


def _elements(archive: zipfile.ZipFile, member: str) -> list[tuple[str, str, Mapping[str, str]]]:
    """List the elements of a small part: the name of the parent, the own name, the attributes."""
    if archive.getinfo(member).file_size > _MOST_BYTES:
        raise ValueError(member)
    found: list[tuple[str, str, Mapping[str, str]]] = []
    above = [""]

    def start(name: str, attributes: Mapping[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name in {"sheet", "Relationship", "numFmt", "xf"}:
            found.append((above[-1], name, attributes))
        above.append(name)

    def end(_: str) -> None:
        above.pop()

    with archive.open(member) as stream:
        walk(stream, start, end, lambda _: None)
    return found


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    targets = {
        one.get("Id"): one.get("Target", "")
        for _, name, one in _elements(archive, "xl/_rels/workbook.xml.rels")
        if name == "Relationship"
    }
    members = {member.casefold(): member for member in archive.namelist()}
    sheets = {}
    for parent, name, one in _elements(archive, "xl/workbook.xml"):
        if (parent, name) == ("sheets", "sheet"):
            target = next((targets.get(one[key], "") for key in one if key.endswith(":id")), "")
            path = posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
            if (member := members.get(path.casefold())) is not None:
                sheets[one["name"]] = member
    return sheets


def _codes(archive: zipfile.ZipFile) -> dict[int, Code]:
    formats: dict[str, Code | None] = {}
    styles = []
    for parent, name, one in _elements(archive, "xl/styles.xml"):
        if (parent, name) == ("numFmts", "numFmt"):
            formats[one["numFmtId"]] = code_of(one["formatCode"])
        elif (parent, name) == ("cellXfs", "xf"):
            styles.append(one.get("numFmtId", "0"))
    return {at: code for at, style in enumerate(styles) if (code := formats.get(style)) is not None}
