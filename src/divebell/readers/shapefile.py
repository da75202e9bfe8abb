"""Shapefiles: several files that only together are one dataset."""

from __future__ import annotations

import mmap
import struct
from dataclasses import replace
from pathlib import Path

from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import head, require_signature
from divebell.readers.crs import UNKNOWN, Reference, identify
from divebell.readers.dbf import Table
from divebell.readers.model import Layer
from divebell.readers.scratch import Scratch
from divebell.readers.shapes import Survey
from divebell.readers.spatial import Request, read_layer

_SIGNATURE = b"\x00\x00\x27\x0a"
_READ = (".shp", ".shx", ".dbf", ".cpg", ".prj")
_NO_INDEX = "its index (.shx) is missing; it was made again from the .shp"
_NO_TABLE = (
    "its attribute table (.dbf) is missing: only the shapes were loaded; commit all parts, best as one .zip"
)


class ShapefileReader:
    """Reads a Shapefile by its .shp, and a dBASE table (.dbf) that stands alone."""

    name = "Shapefile"
    suffixes: tuple[str, ...] = (".shp", ".dbf")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the one layer. Raises DivebellError when a part is something else than it says."""
        shaped = path.suffix.lower() == ".shp"
        if shaped:
            require_signature(path, _SIGNATURE, "Shapefile")
        else:
            head(path)
        parts = _parts(path)
        table = Table(parts[".dbf"]) if ".dbf" in parts else None
        encoding, warnings = _encoding(table, parts, hint)
        if table is None:
            warnings = (*warnings, _NO_TABLE)
        elif shaped:
            warnings = (*warnings, *_unequal(table, parts))
        source, scratch = _source(path, parts, encoding)
        if shaped and ".shx" not in parts:
            warnings = (*warnings, _NO_INDEX)
        text = _projection(parts)

        def reference(found: str | None, _survey: Survey) -> Reference:
            return identify(text, found) if text else UNKNOWN

        told = (*warnings, *(table.warnings() if table else ()))
        request = Request(source, "Shapefile", None, reference, warnings=told, skips=True, repair=table)
        layer = read_layer(request, hint)
        return [scratch.keep_for(layer) if scratch else layer]


def _parts(path: Path) -> dict[str, Path]:
    """Find the parts that are read, by their endings in lower case."""
    found = {}
    for one in sorted(path.parent.iterdir()):
        if one.stem.lower() == path.stem.lower() and one.suffix.lower() in _READ and one.is_file():
            exact = one.stem == path.stem or one.suffix.lower() not in found
            if exact and not one.is_symlink():
                found[one.suffix.lower()] = one
    return {**found, path.suffix.lower(): path}


def _encoding(
    table: Table | None, parts: dict[str, Path], hint: DatasetHint
) -> tuple[str | None, tuple[str, ...]]:
    if hint.encoding or table is None:
        return hint.encoding, ()
    label = parts[".cpg"].read_bytes()[:64].decode(errors="replace") if ".cpg" in parts else ""
    return table.encoding(label)


def _projection(parts: dict[str, Path]) -> str:
    if ".prj" not in parts:
        return ""
    return parts[".prj"].read_bytes()[: 1 << 16].decode("utf-8", errors="replace").strip("\ufeff\x00 \r\n")


def _source(path: Path, parts: dict[str, Path], encoding: str | None) -> tuple[gdal.Source, Scratch | None]:
    """Let GDAL find all parts, wherever their names are spelt in different cases or the index is missing."""
    source = gdal.Source(path, encoding=encoding)
    alike = all(one.stem == path.stem and one.suffix in {end, end.upper()} for end, one in parts.items())
    shaped = path.suffix.lower() == ".shp"
    if alike and (not shaped or ".shx" in parts):
        return source, None
    scratch = Scratch()
    for ending, part in parts.items():
        if shaped or ending != ".shp":
            (scratch.folder / f"data{ending}").symlink_to(part.absolute())
    if shaped and ".shx" not in parts:
        _write_index(path, scratch.folder / "data.shx")
    return replace(source, alias=scratch.folder / f"data{path.suffix.lower()}"), scratch


def _write_index(shapes: Path, index: Path) -> None:
    """Make the index of a Shapefile: where each of its records is (ESRI Shapefile Technical Description)."""
    with shapes.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        entries, at = bytearray(), 100
        while at + 12 <= len(raw):
            (words,) = struct.unpack_from(">I", raw, at + 4)
            if words < 2 or at + 8 + 2 * words > len(raw):
                break
            entries += struct.pack(">II", at // 2, words)
            at += 8 + 2 * words
        start = bytearray(raw[:100])
    start[24:28] = struct.pack(">I", (100 + len(entries)) // 2)
    index.write_bytes(bytes(start) + bytes(entries))


def _unequal(table: Table, parts: dict[str, Path]) -> tuple[str, ...]:
    if ".shx" not in parts:
        return ()
    shapes = (parts[".shx"].stat().st_size - 100) // 8
    if shapes == table.rows:
        return ()
    told = (
        f"there are {shapes:,} shapes and {table.rows:,} rows in the attribute table; they were put side by "
        "side, and what has no counterpart is empty: check that all parts are of one export"
    )
    return (told,)
