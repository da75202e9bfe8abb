"""`divebell data check`: what loading files would make of them, without a database or an event."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.data.listing import console
from divebell.errors import DivebellError
from divebell.event import load_event
from divebell.event.model import DatasetHint
from divebell.event.state import STATE_FOLDER
from divebell.pipeline.git import source
from divebell.pipeline.inspect import Finding, inspect
from divebell.pipeline.names import base_names, layer_names
from divebell.pipeline.reading.service import Readings
from divebell.readers import DatasetFiles, dataset_files


@dataclass(frozen=True)
class Checked:
    """One file, and the tables it would become; or why it would not be loaded."""

    file: str
    tables: tuple[tuple[str, Finding], ...] = ()
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give what `--json` prints of it."""
        return {
            "file": self.file,
            "error": self.error,
            "tables": [_table_json(name, found) for name, found in self.tables],
        }


@dataclass(frozen=True)
class Place:
    """The folder that paths are told from, the data to look at below it, and what the event file says."""

    root: Path
    hints: Mapping[str, DatasetHint]
    data: Path


def run(args: argparse.Namespace) -> int:
    """Check files. 0 when every one of them would be loaded, 1 when one would not."""
    results: list[Checked] = []
    out = console()
    for path in args.paths or [None]:
        for result in _check(path):
            results.append(result)
            if not args.json:
                show(out, result)
    bad = [result for result in results if result.error]
    if args.json:
        facts = {"files": [result.to_json() for result in results]}
        print(json.dumps(facts, ensure_ascii=False, indent=2))
    else:
        warnings = sum(len(found.warnings) for result in results for _, found in result.tables)
        words = (
            f"{len(results) - len(bad)} of {len(results)} files would be loaded; {warnings} things to know"
        )
        print(words if results else "There is no data here.", file=sys.stderr)
    return EXIT_FAILED if bad else EXIT_DONE


def _check(given: Path | None) -> Iterator[Checked]:
    place = _place(given or Path())
    whole = given is None or (given / "event.yaml").is_file()
    path = place.data if given is None or whole else given.resolve()
    if not path.exists():
        raise DivebellError(f"there is no file or folder {path}")
    files = _files(path, place.root)
    datasets = dataset_files(files)
    wanted = {one.path for one in datasets}
    if path.is_file():
        # A Shapefile is read by its .shp, whichever of its parts is named.
        own = str(path.relative_to(place.root))
        wanted = {one.path for one in datasets if own in one.parts}
        if not wanted:
            yield Checked(own, error="it is no data in a format that divebell reads")
    yield from inspected(place, datasets, wanted, named=path.is_file())


def inspected(
    place: Place, datasets: Sequence[DatasetFiles], wanted: Collection[str], *, named: bool
) -> Iterator[Checked]:
    """Inspect those of a repository's datasets whose paths are `wanted`.

    One that turns out to be no data is passed over, unless it was `named`.
    """
    bases = base_names(
        (one.path for one in datasets),
        {one.path: hint.table for one in datasets if (hint := place.hints.get(one.path)) and hint.table},
    )
    with (
        tempfile.TemporaryDirectory(prefix="divebell-check-") as scratch,
        Readings([place.root], Path(scratch) / "reading") as readings,
    ):
        Path(scratch).chmod(0o711)  # as root another account reads: a CI's container may have no bubblewrap
        for file in sorted(wanted):
            found = _inspect(readings, place.root / file, place.hints.get(file, DatasetHint()))
            if found or named:
                yield _named(file, bases, found)


def _inspect(readings: Readings, path: Path, hint: DatasetHint) -> Sequence[Finding] | str:
    if path.is_symlink():
        return "it is a link, and links in the repository are not followed; commit the file itself"
    try:
        return inspect(readings, path, hint)
    except DivebellError as error:
        return str(error)


def _named(file: str, bases: Mapping[str, str], found: Sequence[Finding] | str) -> Checked:
    if isinstance(found, str):
        return Checked(file, error=found)
    taken = {name for other, name in bases.items() if other != file}
    names = layer_names(file, bases[file], [one.layer for one in found], taken)
    return Checked(file, tuple(zip(names, found, strict=True)))


def _place(path: Path) -> Place:
    """Find the event file above, if there is one for these data: it tells the repository's top and hints."""
    here = path.resolve()
    for folder in (here, *here.parents):
        if (folder / "event.yaml").is_file():
            place = _event_place(folder)
            if place and (here == folder or here.is_relative_to(place.data.resolve())):
                return place
    root = here if here.is_dir() else here.parent
    return Place(root, {}, root)


def _event_place(folder: Path) -> Place | None:
    try:
        event = load_event(folder)
    except DivebellError:
        print(f"{folder / 'event.yaml'} has problems, so its hints are not used.", file=sys.stderr)
        return None
    root = source(event.data.repository, folder).folder or folder
    return Place(root, event.data.datasets, root / event.data.folder)


def _files(path: Path, root: Path) -> list[str]:
    """List the files below a folder, or beside a file, relative to the root; hidden ones left out."""
    if path.is_file():
        return [
            str(one.relative_to(root)) for one in path.parent.iterdir() if one.is_symlink() or one.is_file()
        ]
    found: list[str] = []
    for folder, names, files in os.walk(path):
        names[:] = sorted(name for name in names if not name.startswith(".") and name != STATE_FOLDER)
        here = [Path(folder) / name for name in files]
        found += [str(one.relative_to(root)) for one in here if one.is_symlink() or one.is_file()]
    return found


def _table_json(name: str, found: Finding) -> dict[str, Any]:
    checked = found.checked
    columns = [
        {"name": column.name, "original": column.original, "type": column.sql, "nulls": nulls}
        for column, nulls in zip(found.columns, found.nulls, strict=False)
    ]
    return {
        "table": name,
        "layer": found.layer,
        "format": found.format,
        "rows": found.rows,
        "columns": columns,
        "geometry_type": found.geometry_type,
        "geometry_types": list(checked.types),
        "crs": found.crs,
        "null_geometries": checked.null,
        "empty_geometries": checked.empty,
        "invalid_geometries": checked.invalid,
        "bbox": found.bbox,
        "warnings": list(found.warnings),
    }


def show(out: Console, result: Checked) -> None:
    """Print one file and what it would become."""
    out.print(result.file, style="bold", markup=False)
    if result.error:
        out.print(f"  would not be loaded: {result.error}", style="red", markup=False)
    elif not result.tables:
        out.print("  is no data", markup=False)
    for name, found in result.tables:
        size = f"{found.rows:,} rows, {len(found.columns):,} columns"
        place = (
            f", {found.geometry_type}, {found.crs or 'coordinate system unknown'}"
            if found.geometry_type
            else ""
        )
        out.print(f"  {name}: {size}{place}", markup=False)
        columns = zip(found.columns, found.nulls, strict=False)
        words = [
            f"{one.name} {one.sql}" + (f" ({nulls:,} missing)" if nulls else "") for one, nulls in columns
        ]
        out.print(f"    {', '.join(words)}", style="dim", markup=False)
        for warning in found.warnings:
            out.print(f"    {warning}", style="yellow", markup=False)
