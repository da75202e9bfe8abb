"""GeoPackage: one SQLite file, a table per layer, tables without geometry too."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import head, require_signature
from divebell.readers.model import Layer
from divebell.readers.scratch import Scratch
from divebell.readers.spatial import Request, declared, read_layer

_STYLES = frozenset({"layer_styles", "qgis_projects"})
"""Tables in which QGIS keeps how layers look."""
_OPTIONS = (("IMMUTABLE", "YES"),)
_WAL = 2


class GeoPackageReader:
    """Reads every layer and attribute table of a GeoPackage."""

    name = "GeoPackage"
    suffixes: tuple[str, ...] = (".gpkg",)

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe all layers, by their names in the file. Raises DivebellError when there is none.

        A layer that cannot be read is told of beside the others.
        """
        require_signature(path, b"SQLite format 3\x00", "GeoPackage")
        opened = _at_rest(path)
        names = [one for one in gdal.layers(path, "GeoPackage", opened.alias) if one not in _STYLES]
        if not names:
            raise DivebellError(
                f"{path.name} holds no vector layer and no table", next_step="export the layers again"
            )
        found: list[Layer] = []
        failures: list[DivebellError] = []
        for name in names:
            source = gdal.Source(path, name, options=_OPTIONS, alias=opened.alias)
            try:
                layer = read_layer(Request(source, "GeoPackage", name, declared), hint)
            except DivebellError as error:
                failures.append(error)
            else:
                found.append(opened.scratch.keep_for(layer) if opened.scratch else layer)
        if not found:
            raise failures[0]
        return [
            layer.told(*(f"a layer was not loaded: {one.message}" for one in failures)) for layer in found
        ]


@dataclass(frozen=True)
class _Opened:
    alias: Path | None = None
    scratch: Scratch | None = None


def _at_rest(path: Path) -> _Opened:
    """Copy a file in WAL mode, as a program left it in the middle of its work: to open it is to write."""
    start = head(path, 32)
    if _WAL not in start[18:20]:
        return _Opened()
    scratch = Scratch()
    alias = scratch.folder / "data.gpkg"
    shutil.copyfile(path, alias)
    changes = path.with_name(path.name + "-wal")
    if changes.is_file() and not changes.is_symlink() and changes.stat().st_size:
        shutil.copyfile(changes, alias.with_name(alias.name + "-wal"))
        _fold_in(alias)
    with alias.open("r+b") as file:
        file.seek(18)
        file.write(b"\x01\x01")
    return _Opened(alias, scratch)


def _fold_in(path: Path) -> None:
    """Write the changes that lie in a file beside the database into the database."""
    with closing(sqlite3.connect(path)) as database, suppress(sqlite3.Error):
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
