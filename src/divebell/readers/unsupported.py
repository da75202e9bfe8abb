"""Data in formats that divebell does not read yet: reported with the way out, never passed over."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint

_FORMATS = {
    ".feather": ("Feather", "export it as CSV"),
    ".gml": ("GML", "export it as GeoPackage"),
    ".gpx": ("GPX", "export it as GeoJSON"),
    ".tar": ("tar", "pack it as .zip"),
    ".tgz": ("tar", "pack it as .zip"),
    ".bz2": ("bzip2", "unpack it and commit the content"),
    ".xz": ("xz", "unpack it and commit the content"),
    ".zst": ("Zstandard", "unpack it and commit the content"),
    ".7z": ("7-Zip", "pack it as .zip"),
    ".rar": ("RAR", "pack it as .zip"),
    ".xlsb": ("binary Excel", "save it as .xlsx"),
    ".sav": ("SPSS", "export it as CSV"),
    ".dta": ("Stata", "export it as CSV"),
    ".rds": ("R", "export it as CSV"),
    ".sas7bdat": ("SAS", "export it as CSV"),
    ".sqlite": ("SQLite", "export its tables as CSV or GeoPackage"),
    ".mdb": ("Access", "export its tables as CSV"),
}


class UnsupportedReader:
    """Answers for formats that are known and not read."""

    name = "Not read yet"
    suffixes: tuple[str, ...] = tuple(_FORMATS)

    def read(self, path: Path, hint: DatasetHint) -> NoReturn:  # noqa: ARG002 - the signature of a reader
        """Raise DivebellError, with the format's name and what to do instead."""
        name, next_step = _FORMATS[path.suffix.lower()]
        raise DivebellError(
            f"{path.name} is a {name} file, which divebell does not read", next_step=next_step
        )
