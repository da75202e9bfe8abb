"""Fonts of this machine that have the characters a card needs; divebell brings none of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont, TTLibError

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts")
ENDINGS = frozenset({".ttf", ".otf", ".ttc"})
PREFERRED = ("DejaVuSans", "NotoSans-", "LiberationSans")
_FANCY = re.compile("Bold|Italic|Oblique|Condensed|Mono|Light|Black|Thin|Serif|Emoji|Display|LastResort")
"""Words in the name of a font file that is not the plain face of its family."""


_JOINED = ((0x0600, 0x08FF), (0x0900, 0x0DFF), (0x0F00, 0x109F), (0x1780, 0x17FF))
"""Scripts from Arabic to Sinhala, Tibetan and Burmese, Khmer."""


@dataclass(frozen=True)
class Face:
    """A face in a font file that fpdf2 can embed; `number` counts faces in a collection."""

    file: Path
    number: int
    characters: frozenset[int]


@dataclass(frozen=True)
class Choice:
    """The faces to use, first things first, and what none of them has."""

    faces: tuple[Face, ...]
    missing: tuple[str, ...]


def choose(text: str, files: Iterable[Path] | None = None) -> Choice:
    """Choose as few faces as have all characters of `text`; without any font the built-in one is left."""
    wanted = {ord(character) for character in text if not character.isspace()}
    chosen: list[Face] = []
    for file in font_files() if files is None else files:
        if chosen and not wanted:
            break
        face = next((face for face in faces(file) if not chosen or face.characters & wanted), None)
        if face is not None:
            chosen.append(face)
            wanted -= face.characters
    if not chosen:
        wanted -= set(_built_in())
    return Choice(tuple(chosen), tuple(chr(code) for code in sorted(wanted)))


def font_files() -> list[Path]:
    """Give this machine's font files with plain faces, the widest families first."""
    found = [path for folder in (*FOLDERS, *_matplotlibs()) for path in sorted(folder.rglob("*"))]
    plain = [path for path in found if path.suffix.lower() in ENDINGS and not _FANCY.search(path.stem)]
    return sorted(plain, key=_rank)


def faces(file: Path) -> list[Face]:
    """Read which characters the faces of a font file have; a broken file has none."""
    try:
        with file.open("rb") as stream:
            many = file.suffix.lower() == ".ttc"
            fonts = TTCollection(stream, lazy=True).fonts if many else [TTFont(stream, lazy=True)]
            return [
                Face(file, number, frozenset(font.getBestCmap() or ()))
                for number, font in enumerate(fonts)
                if "glyf" in font or "CFF " in font
            ]
    except (TTLibError, OSError, ValueError, KeyError, AttributeError):
        return []


def is_joined(text: str) -> bool:
    """Tell whether letters of the text are written joined or piled up, which is not drawn here."""
    return any(first <= ord(character) <= last for character in text for first, last in _JOINED)


def _rank(path: Path) -> int:
    return next((n for n, name in enumerate(PREFERRED) if path.name.startswith(name)), len(PREFERRED))


def _matplotlibs() -> Iterator[Path]:
    """Give the folder of DejaVu that matplotlib brings, where it is installed."""
    spec = find_spec("matplotlib")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def _built_in() -> Iterator[int]:
    """Give the characters of the fonts that every viewer of PDF has."""
    return (code for code in range(0x20, 0x100) if not 0x7F <= code < 0xA0)
