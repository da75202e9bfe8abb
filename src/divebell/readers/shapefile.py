"""Shapefiles: several files that only together are one dataset."""

from __future__ import annotations

from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import head, require_signature
from divebell.readers.crs import UNKNOWN, Reference, identify
from divebell.readers.model import Layer
from divebell.readers.shapes import Survey
from divebell.readers.spatial import Request, read_layer

_GUESSED = (
    "its text is not UTF-8; it was read as Windows (cp1252): check names with accents, and give the "
    "encoding in the event file if they look wrong"
)
_SIGNATURE = b"\x00\x00\x27\x0a"


class ShapefileReader:
    """Reads a Shapefile by its .shp, and a dBASE table (.dbf) that stands alone."""

    name = "Shapefile"
    suffixes: tuple[str, ...] = (".shp", ".dbf")

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the one layer. Raises DivebellError when a part is missing or is something else."""
        if path.suffix.lower() == ".shp":
            require_signature(path, _SIGNATURE, "Shapefile")
            _require_parts(path)
        else:
            head(path)
        table = _part(path, ".dbf")
        encoding, warnings = (hint.encoding, ()) if hint.encoding or table is None else _encoding(table)
        source = gdal.Source(path, encoding=encoding)
        projection = _part(path, ".prj")

        def reference(found: str | None, _survey: Survey) -> Reference:
            text = (
                projection.read_text(encoding="utf-8", errors="replace").strip("\x00 \r\n")
                if projection
                else ""
            )
            return identify(text, found) if text else UNKNOWN

        return [read_layer(Request(source, "Shapefile", None, reference, warnings=warnings), hint)]


def _part(path: Path, ending: str) -> Path | None:
    wanted = path.with_suffix(ending).name.lower()
    return next((one for one in sorted(path.parent.iterdir()) if one.name.lower() == wanted), None)


def _require_parts(path: Path) -> None:
    missing = [ending for ending in (".shx", ".dbf") if _part(path, ending) is None]
    if missing:
        raise DivebellError(
            f"{path.name} is one part of a Shapefile; {' and '.join(path.stem + one for one in missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing beside it",
            next_step="commit all parts of the Shapefile (.shp, .shx, .dbf, .prj), best as one .zip",
        )


def _encoding(table: Path) -> tuple[str | None, tuple[str, ...]]:
    """Choose the encoding of the attribute table: what it declares, unless all its text says otherwise."""
    raw = table.read_bytes()
    if len(raw) < 32:
        raise DivebellError(f"{table.name} is cut off", next_step="commit the complete file")
    text = raw[int.from_bytes(raw[8:10], "little") :]
    codepage = _part(table, ".cpg")
    declared = codepage.read_text(errors="replace").strip().lower() if codepage else ""
    if text.isascii():
        return None, ()
    decoded = text.decode("utf-8", errors="replace")
    misfits = decoded.count("\ufffd")
    accents = sum(1 for letter in decoded if ord(letter) > 127) - misfits
    if accents > misfits:
        told = (
            ()
            if "8" in declared and "utf" in declared
            else ("its text is not labelled; it was read as UTF-8",)
        )
        return "UTF-8", told
    if "utf" in declared or (not declared and raw[29] == 0):
        return "CP1252", (_GUESSED,)
    return None, ()
