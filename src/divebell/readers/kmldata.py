"""Names of the data in KML that GDAL would take for one another, made to differ."""

from __future__ import annotations

import re
from pathlib import Path

_NAMED = re.compile(
    rb"""(<(?:\w+:)?(?:Data|SimpleData|SimpleField)\b[^<>]*?\sname\s*=\s*)("[^"]*"|'[^']*')""", re.DOTALL
)
_PLACE = re.compile(rb"<(?:\w+:)?(?:Placemark|Schema)\b")
_END = re.compile(rb"</(?:\w+:)?(?:Placemark|Schema)\b")
_OWN = ("name", "description")
"""What a place may say of itself, in columns that data of that name would fill instead."""


def told_apart(path: Path, target: Path) -> tuple[str, ...]:
    """Write a document in which no place has data that are named alike but for case; nothing where none has.

    Gives what to say of each that got another name.
    """
    content = path.read_bytes()
    spelt = _names(content)
    if len({*map(str.lower, spelt), *_OWN}) == len(spelt) + len(_OWN):
        return ()
    renamed: dict[str, str] = {}
    every = {name.lower() for name in spelt}.union(_OWN)
    for name in sorted(_clashing(content), key=spelt.index):
        renamed[name] = _free(name, every)
        every.add(renamed[name].lower())
    if not renamed:
        return ()
    target.write_bytes(_NAMED.sub(lambda found: found[1] + _written(found[2], renamed), content))
    return tuple(
        f"data named '{old}' have the name of something else (upper and lower case count as one); "
        f"they are called {new}"
        for old, new in renamed.items()
    )


def _names(content: bytes) -> list[str]:
    found = (one[2][1:-1].decode("utf-8", "surrogateescape") for one in _NAMED.finditer(content))
    return list(dict.fromkeys(found))


def _clashing(content: bytes) -> set[str]:
    """Find names of data that some place has beside another one that is alike."""
    clashing: set[str] = set()
    for part in _PLACE.split(content)[1:]:
        place = _END.split(part, 1)[0]
        taken = {own for own in _OWN if re.search(rb"<(?:\w+:)?%s\s*>" % own.encode(), place)}
        for name in _names(place):
            if name.lower() in taken:
                clashing.add(name)
            taken.add(name.lower())
    return clashing


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}".lower() in taken:
        number += 1
    return f"{name}_{number}"


def _written(quoted: bytes, renamed: dict[str, str]) -> bytes:
    name = quoted[1:-1].decode("utf-8", "surrogateescape")
    return quoted[:1] + renamed.get(name, name).encode("utf-8", "surrogateescape") + quoted[:1]
