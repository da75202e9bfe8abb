"""Cut JSON of any size and layout into runs of whole values, without reading what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from divebell.errors import DivebellError
from divebell.readers.encoding import Text

BLOCK = 4 << 20
"""Bytes of text looked at together: enough features for arithmetic in bulk, little enough memory."""
LARGEST = 40 << 20
"""The largest single value (one feature) that is taken into memory."""
_DEEPEST = 500
_BETWEEN = b" \t\r\n,\x1e"
"""What may stand between documents; 0x1e begins each one in a text sequence (RFC 8142)."""
_MARKS = bytes(byte in b'"{}[],' for byte in range(256))
_STEPS = np.array([(byte in b"{[") - (byte in b"}]") for byte in range(256)], np.int8)
_KEY = re.compile(rb'\s*,?\s*"((?:[^"\\]|\\.)*)"\s*:\s*(?=\S)', re.DOTALL)
_NEXT = "export it as GeoJSON (a FeatureCollection) from QGIS or the program that made it"

_Positions = npt.NDArray[np.int64]


@dataclass
class Run:
    """Whole JSON values with commas between them."""

    text: bytes
    at: int
    """Offset of the text from the beginning of the file, in UTF-8."""
    place: str
    """Where they stand: `features` of a collection, `list`, or `document` for the file's outermost values."""


@dataclass(frozen=True)
class Member:
    """A member of the outermost object other than its features."""

    key: str
    value: bytes


@dataclass(frozen=True)
class Closed:
    """The end of an outermost object whose members were given."""


@dataclass
class Scanner:
    """Finds where values end, block by block, from the beginning of a value."""

    depth: int = 0
    inside: bool = False
    """Whether the next byte stands within a string."""
    escaped: bool = False

    def see(self, block: bytes) -> tuple[_Positions, _Positions, int | None]:
        """Give the ends of outermost objects and lists, the outermost commas, and the end of what is around.

        Raises RecursionError when values are nested too deeply.
        """
        plain = self._without_escapes(block)
        at = np.flatnonzero(np.frombuffer(plain.translate(_MARKS), bool))
        marks = np.frombuffer(plain, np.uint8)[at]
        quotes = marks == ord('"')
        within = (np.cumsum(quotes) + self.inside) % 2 == 1
        steps = _STEPS[marks]
        steps[within] = 0
        depths = np.cumsum(steps, dtype=np.int32) + self.depth
        if len(at):
            self.inside, self.depth = bool(within[-1]), int(depths[-1])
            if depths.max() > _DEEPEST:
                raise RecursionError
        beyond = np.flatnonzero(depths < 0)
        end = int(at[beyond[0]]) if len(beyond) else None
        outermost = (depths == 0) & ~within & ~quotes
        if len(beyond):
            outermost[beyond[0] :] = False
        commas = marks == ord(",")
        return at[outermost & ~commas], at[outermost & commas], end

    def _without_escapes(self, block: bytes) -> bytes:
        if self.escaped:
            block = b"_" + block[1:]
            self.escaped = False
        if b"\\" not in block:
            return block
        tail = len(block) - len(block.rstrip(b"\\"))
        self.escaped = tail % 2 == 1
        return block.replace(b"\\\\", b"__").replace(b'\\"', b"__")


@dataclass
class _Tape:
    """The text under the reading head, and a way to get more of it."""

    name: str
    blocks: Iterator[bytes]
    text: bytes = b""
    at: int = 0
    """Offset of `text` from the beginning of the file."""
    ended: bool = False

    def more(self, size: int = 0) -> bool:
        """Read until there are `size` bytes more, or a block; False at the end of the file."""
        pieces, got = [self.text], 0
        while got < (size or BLOCK) and not self.ended:
            piece = next(self.blocks, None)
            if piece is None:
                self.ended = True
            else:
                pieces.append(piece)
                got += len(piece)
        if got:
            self.text = b"".join(pieces)
        return got > 0

    def fill(self) -> None:
        if len(self.text) < BLOCK:
            self.more(BLOCK - len(self.text))

    def drop(self, count: int) -> None:
        self.text = self.text[count:]
        self.at += count

    def skip(self, space: bytes) -> bool:
        """Drop what is in `space`; False when nothing is left."""
        while True:
            kept = self.text.lstrip(space)
            self.at += len(self.text) - len(kept)
            self.text = kept
            if kept or not self.more():
                return bool(kept)


@dataclass
class _Joint:
    """How one feature ends and the next begins, in all that were seen of this file."""

    before: bytes = b""
    after: bytes = b""

    def learn(self, text: bytes, commas: _Positions) -> None:
        chosen = commas[:: max(1, len(commas) // 16)].tolist()
        after = [text[at : at + 48] for at in chosen]
        before = [text[max(0, at - 8) : at][::-1] for at in chosen]
        if self.after:
            after, before = [*after, self.after], [*before, self.before[::-1]]
        self.after = _shared(after)
        self.before = _shared(before)[::-1]

    def last_in(self, text: bytes) -> int:
        """Guess where the last but one feature of the text ends; 0 when there is nothing to go by."""
        if b"{" not in self.after:
            return 0
        found = text.rfind(self.before + self.after)
        return found + len(self.before) if found > 0 else 0


@dataclass
class Walk:
    """One reading of a JSON text from beginning to end."""

    text: Text
    fits: Callable[[bytes], bool]
    """Whether a guessed piece (values with commas between) is whole JSON values; a wrong guess is scanned."""
    documents: int = 0
    _joint: _Joint = field(default_factory=_Joint)

    def __iter__(self) -> Iterator[Run | Member | Closed]:
        """Give the values in the file's order. Raises DivebellError when the text is cut off or no JSON."""
        tape = _Tape(self.text.path.name, utf8_blocks(self.text))
        try:
            while tape.skip(_BETWEEN):
                tape.fill()
                yield from self._documents(tape)
        except RecursionError as error:
            raise no_json(self.text, tape.at, "it is nested too deeply") from error

    def _documents(self, tape: _Tape) -> Iterator[Run | Member | Closed]:
        ends, _, stray = Scanner().see(tape.text)
        if len(ends) and not _is_collection(tape.text[: int(ends[0]) + 1], only=len(ends) == 1):
            cuts = [0, *(ends + 1).tolist()]
            pieces = [tape.text[start:end] for start, end in pairwise(cuts)]
            self.documents += len(pieces)
            yield Run(b",".join(map(_bare, pieces)), tape.at, "document")
            tape.drop(cuts[-1])
        elif (stray is not None and not len(ends)) or tape.text[:1] not in {b"{", b"["}:
            raise no_json(self.text, tape.at, "it begins with neither { nor [")
        else:
            self.documents += 1
            yield from self._open(tape)

    def _open(self, tape: _Tape) -> Iterator[Run | Member | Closed]:
        """Go into a value that is too large to be taken whole, or is cut off."""
        within_list = tape.text[:1] == b"["
        tape.drop(1)
        if within_list:
            yield from self._values(tape, "list")
            return
        while tape.skip(b" \t\r\n"):
            if tape.text[:1] == b"}":
                tape.drop(1)
                yield Closed()
                return
            key = self._key(tape)
            if key == "features" and tape.text[:1] == b"[":
                tape.drop(1)
                yield from self._values(tape, "features")
            else:
                yield Member(key, self._value(tape))
        raise cut_off(tape.name, "within its outermost object")

    def _key(self, tape: _Tape) -> str:
        while (found := _KEY.match(tape.text)) is None:
            if len(tape.text) > BLOCK:
                raise no_json(self.text, tape.at, "a member without a name")
            if not tape.more():
                raise cut_off(tape.name, "within its outermost object")
        tape.drop(found.end())
        return found[1].decode(errors="replace")

    def _value(self, tape: _Tape) -> bytes:
        commas, end = self._scan(tape)
        stop = int(commas[0]) if len(commas) else end or 0
        value = tape.text[:stop]
        tape.drop(stop)
        return value

    def _values(self, tape: _Tape, place: str) -> Iterator[Run]:
        while True:
            tape.fill()
            cut = 0 if tape.ended else self._joint.last_in(tape.text)
            piece = tape.text[:cut]
            if piece and self.fits(piece):
                yield Run(piece, tape.at, place)
                tape.drop(cut + 1)
                continue
            commas, end = self._scan(tape)
            if len(commas):
                self._joint.learn(tape.text, commas)
            stop = end if end is not None else int(commas[-1])
            if end is not None and tape.text[end : end + 1] != b"]":
                raise no_json(self.text, tape.at + end, "a list ends with }")
            piece, at = tape.text[:stop], tape.at
            tape.drop(stop + 1)
            if piece.strip():
                run, piece = Run(piece, at, place), b""
                yield run
            if end is not None:
                return

    def _scan(self, tape: _Tape) -> tuple[_Positions, int | None]:
        """Find the outermost commas and the end of what is around; reads on until there is one of them."""
        scanner, seen = Scanner(), 0
        while True:
            while seen < len(tape.text):
                _, commas, end = scanner.see(tape.text[seen : seen + BLOCK])
                if len(commas) or end is not None:
                    return commas + seen, None if end is None else end + seen
                seen += BLOCK
            seen = len(tape.text)
            if seen > LARGEST:
                raise DivebellError(
                    f"{tape.name} holds a single feature of more than {LARGEST >> 20} MB",
                    next_step="simplify its geometry, or cut it into several features",
                )
            if not tape.more(max(BLOCK, seen // 4)):
                raise cut_off(tape.name, f"within what begins in line {line_of(self.text, tape.at):,}")


def _shared(texts: list[bytes]) -> bytes:
    """Give what all texts begin with."""
    first, last = min(texts), max(texts)
    differs = (at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(differs, len(first))]


def _is_collection(document: bytes, *, only: bool) -> bool:
    """Whether a document is worth going into: its features are then read in bulk."""
    return (only or len(document) > 1 << 16) and document[:1] == b"{" and b'"features"' in document


def _bare(document: bytes) -> bytes:
    """Take commas and record separators off the beginning; line ends stay, so that lines can be counted."""
    if document[:1] in {b"{", b"["} or document[:2] in {b"\n{", b"\n["}:
        return document
    kept = document.lstrip(_BETWEEN)
    return b"\n" * document.count(b"\n", 0, len(document) - len(kept)) + kept


def utf8_blocks(text: Text) -> Iterator[bytes]:
    """Give a text as UTF-8 without byte order mark and NUL, a piece at a time."""
    blocks = text.utf8(max(1, BLOCK >> 2))
    yield next(blocks, b"").removeprefix(b"\xef\xbb\xbf")
    yield from blocks


def line_of(text: Text, at: int) -> int:
    """Give the line (from 1) of an offset in the UTF-8 form of a text."""
    line = 1
    for block in utf8_blocks(text):
        line += block[: max(0, at)].count(b"\n")
        at -= len(block)
        if at <= 0:
            break
    return line


def no_json(text: Text, at: int, reason: str) -> DivebellError:
    """Say where and why a text is no JSON."""
    return DivebellError(
        f"{text.path.name}:{line_of(text, at)}: this is no valid JSON: {reason}", next_step=_NEXT
    )


def cut_off(name: str, where: str) -> DivebellError:
    """Say that a file ends before its time."""
    return DivebellError(f"{name} is cut off: it ends {where}", next_step="upload the complete file")
