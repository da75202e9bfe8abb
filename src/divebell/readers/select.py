"""Which files of a repository are datasets, and which files belong together. Pure: looks at names only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

SHAPEFILE_PARTS = (
    ".shp", ".shx", ".dbf", ".prj", ".cpg", ".qpj", ".sbn", ".sbx", ".fbn", ".fbx", ".ain", ".aih", ".atx",
    ".ixs", ".mxs", ".qix", ".idm", ".ind", ".shp.xml", ".dbf.xml",
)  # fmt: skip
"""Endings of the files that make up one Shapefile."""
_LONGEST_FIRST = tuple(sorted(SHAPEFILE_PARTS, key=len, reverse=True))

_CHANGES = "-wal"
"""Ending of the file beside a GeoPackage that holds its latest changes."""
RASTER_PARTS = (".tfw", ".tifw", ".tiffw", ".wld")
"""Endings of the file that says where a raster beside it lies."""

_DOCUMENTS = frozenset(
    {
        "readme",
        "license",
        "licence",
        "copying",
        "notice",
        "changelog",
        "contributing",
        "requirements",
        "robots",
    }
)
_DOCUMENT_SUFFIXES = frozenset({"", ".txt", ".md", ".rst", ".json"})
_TOOL_FILES = frozenset(
    {"package.json", "package-lock.json", "tsconfig.json", "composer.json", "thumbs.db", "desktop.ini"}
)


@dataclass(frozen=True)
class DatasetFiles:
    """One dataset: the file to read, and every file whose content it depends on."""

    path: str
    """The file that is read, relative to the repository: for a Shapefile its .shp."""
    parts: tuple[str, ...]
    """All files of the dataset, `path` among them, sorted: their blob ids are its identity."""


def is_clutter(path: str) -> bool:
    """Say whether a file is left behind by a program or meant for readers, and so is no dataset."""
    pure = PurePosixPath(path)
    name = pure.name.lower()
    if any(part.startswith(".") or part == "__MACOSX" for part in pure.parts):
        return True
    if name.startswith(("~$", ".~lock.")) or name.endswith("~") or name in _TOOL_FILES:
        return True
    stem = name.split(".")[0].split("-")[0].split("_")[0].split(" ")[0]
    return stem in _DOCUMENTS and pure.suffix.lower() in _DOCUMENT_SUFFIXES


def shapefile_part(path: str) -> tuple[str, str] | None:
    """Split a Shapefile's part into the lower-case path without ending, and the ending."""
    lowered = path.lower()
    for ending in _LONGEST_FIRST:
        if lowered.endswith(ending):
            return lowered.removesuffix(ending), ending
    return None


def group(paths: Iterable[str], suffixes: frozenset[str]) -> tuple[DatasetFiles, ...]:
    """Group paths into datasets. `suffixes` are the endings that readers answer to, lower case."""
    wanted = sorted({path for path in paths if not is_clutter(path)})
    known = {path.lower(): path for path in wanted}
    families: dict[str, dict[str, str]] = {}
    for path in wanted:
        part = shapefile_part(path)
        if part:
            families.setdefault(part[0], {})[part[1]] = path
    datasets = [_shapefile(family) for family in families.values()]
    datasets += [
        DatasetFiles(path, tuple(sorted({path, *_beside(path, known)})))
        for path in wanted
        if shapefile_part(path) is None and PurePosixPath(path).suffix.lower() in suffixes
    ]
    return tuple(sorted((one for one in datasets if one), key=lambda one: one.path))


def _beside(path: str, known: Mapping[str, str]) -> Iterator[str]:
    """Give the files beside a dataset's main file that it depends on."""
    stem, dot, suffix = path.lower().rpartition(".")
    names = [path.lower() + _CHANGES]
    if suffix in {"tif", "tiff"}:
        names += [stem + ending for ending in RASTER_PARTS] + [f"{stem}{dot}{suffix}.aux.xml"]
    return (known[name] for name in names if name in known)


def _shapefile(family: dict[str, str]) -> DatasetFiles | None:
    main = family.get(".shp") or family.get(".dbf")
    return DatasetFiles(main, tuple(sorted(family.values()))) if main else None
