"""Turn the bytes of a text file into characters, exactly, and say when that took a guess."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError

_CHUNK = 1 << 20
_LIKE_ASCII = frozenset({"utf-8", "ascii", "cp1252", "iso8859-1"})
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Text:
    """A text file whose encoding is known to fit all of it."""

    path: Path
    encoding: str
    warnings: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """Give the lines with their ends (LF, CRLF or CR) as they are; NUL characters are left out."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            for line in file:
                yield line.replace("\x00", "") if "\x00" in line else line

    def utf8(self, size: int = _CHUNK) -> Iterator[bytes]:
        """Give the text as UTF-8 in pieces, without byte order mark and NUL characters."""
        encoding = codecs.lookup(self.encoding).name
        decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        with self.path.open("rb") as file:
            while piece := file.read(size):
                if decoder is not None:
                    piece = decoder.decode(piece).encode()
                yield piece.replace(b"\x00", b"") if b"\x00" in piece else piece
            if decoder is not None and (piece := decoder.decode(b"", final=True).encode()):
                yield piece

    def sample(self, characters: int = 1 << 18) -> str:
        """Give the beginning of the text."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            return file.read(characters).replace("\x00", "")


def open_text(path: Path, encoding: str | None = None) -> Text:
    """Find an encoding that fits the whole file: the one hinted at, its byte order mark, UTF-8, then Windows.

    Raises DivebellError when the hinted encoding is unknown or does not fit.
    """
    if encoding is not None:
        return _hinted(path, encoding)
    with path.open("rb") as file:
        start = file.read(4096)
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None) or _unmarked_utf16(start)
    if marked and first_misfit(path, marked) is None:
        return Text(path, marked, ())
    misfit = first_misfit(path, "utf-8")
    if misfit is None:
        return Text(path, "utf-8", ())
    fallback = "cp1252" if first_misfit(path, "cp1252") is None else "latin-1"
    spoken = "Windows (cp1252)" if fallback == "cp1252" else "Latin-1"
    warning = (
        f"the text is not UTF-8 (first seen in line {_line_of(path, misfit):,}); it was read as {spoken}: "
        f"check names with accents, and give the encoding in the event file if they look wrong"
    )
    return Text(path, fallback, (warning,))


def first_misfit(path: Path, encoding: str) -> int | None:
    """Decode the whole file piece by piece; give the offset of the piece that does not fit, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, plain = 0, codecs.lookup(encoding).name in _LIKE_ASCII
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            pending = len(decoder.getstate()[0])
            if plain and not pending and chunk.isascii():
                offset += len(chunk)
                continue
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return offset - pending + error.start
            offset += len(chunk)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return offset
    return None


def _hinted(path: Path, encoding: str) -> Text:
    try:
        misfit = first_misfit(path, encoding)
    except LookupError as error:
        raise DivebellError(
            f"{path.name}: there is no encoding called '{encoding}'",
            next_step="use a name such as utf-8, cp1252 or utf-16 in the event file",
        ) from error
    if misfit is not None:
        raise DivebellError(
            f"{path.name}:{_line_of(path, misfit)}: the text is not {encoding}, as the event file says it is",
            next_step="correct or remove the hint 'encoding' of this file in the event file",
        )
    return Text(path, encoding, ())


def _unmarked_utf16(start: bytes) -> str | None:
    half = max(1, len(start) // 2)
    if start[1::2].count(0) > 0.4 * half and start[0::2].count(0) < 0.05 * half:
        return "utf-16-le"
    if start[0::2].count(0) > 0.4 * half and start[1::2].count(0) < 0.05 * half:
        return "utf-16-be"
    return None


def _line_of(path: Path, offset: int) -> int:
    lines, left = 1, offset
    with path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            lines += chunk.count(b"\n") or chunk.count(b"\r")
            left -= len(chunk)
    return lines
