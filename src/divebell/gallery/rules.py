"""What may be shared, under which name, and how it is shown. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

MEGABYTE = 1024**2
LARGEST_BYTES = 10 * MEGABYTE
LARGEST_DATA_BYTES = 1 * MEGABYTE
LONGEST_PATH = 255
LONGEST_NAME = 100
DEEPEST = 8
LONGEST_TITLE, LONGEST_DESCRIPTION = 120, 500
_LONGEST_VIEW = 2000
_MAPS = "/services/event/maps/"

DATA = frozenset(
    [
        ".csv",
        ".tsv",
        ".geojson",
        ".topojson",
        ".json",
        ".ndjson",
        ".jsonl",
        ".xml",
        ".parquet",
        ".feather",
        ".arrow",
        ".gpkg",
        ".shp",
        ".dbf",
        ".shx",
        ".fgb",
        ".gdb",
        ".kml",
        ".kmz",
        ".gml",
        ".gpx",
        ".zip",
        ".gz",
        ".7z",
        ".tar",
        ".tgz",
        ".bz2",
        ".xz",
        ".xls",
        ".xlsx",
        ".ods",
        ".tif",
        ".tiff",
        ".nc",
        ".h5",
        ".hdf5",
        ".sqlite",
        ".db",
        ".duckdb",
        ".sav",
        ".dta",
        ".rds",
        ".rdata",
        ".pkl",
        ".pickle",
        ".npy",
        ".npz",
        ".las",
        ".laz",
        ".osm",
        ".pbf",
        ".mbtiles",
        ".pmtiles",
    ]
)
"""Suffixes of data, which belongs into the database where everybody can query it."""
PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
HTML = frozenset({".html", ".htm"})
_FORBIDDEN = re.compile(r'[\\:*?"<>|~%]')


class Refused(Exception):  # noqa: N818 - an answer
    """It cannot be shared: why, and what to do instead."""

    def __init__(self, reason: str, next_step: str, status: int = 422) -> None:
        super().__init__(reason)
        self.reason = reason
        self.next_step = next_step
        self.status = status


class Kind(Enum):
    """What a work is."""

    NOTEBOOK = "notebook"
    MAP = "map"
    FILE = "file"


class View(Enum):
    """How a work is shown."""

    PAGE = "page"
    """HTML made from it, in a frame that runs nothing."""
    SCRIPTS = "scripts"
    """An HTML file as it is, in a frame of its own origin without network."""
    PICTURE = "picture"
    MAP = "map"


@dataclass(frozen=True)
class MapLink:
    """A map of the event, seen in a certain way."""

    name: str
    view: str

    @property
    def url(self) -> str:
        """Give its address."""
        return f"{_MAPS}{quote(self.name, safe='.~$')}" + self._fragment

    @property
    def embedded(self) -> str:
        """Give the address of the map as a frame shows it."""
        return f"{_MAPS}{quote(self.name, safe='.~$')}?embed=1" + self._fragment

    @property
    def _fragment(self) -> str:
        return f"#{self.view}" if self.view else ""

    def contents(self) -> bytes:
        """Give what is kept of it."""
        return json.dumps({"map": self.name, "view": self.view}).encode()

    @classmethod
    def of(cls, contents: bytes) -> MapLink:
        """Read what was kept."""
        known = json.loads(contents)
        return cls(known["map"], known["view"])


def kind_of(path: str) -> Kind:
    """Say what a file is."""
    return Kind.NOTEBOOK if suffix(path) == ".ipynb" else Kind.FILE


def view_of(kind: Kind, path: str) -> View:
    """Say how a work is shown, where it can be shown at all."""
    if kind is Kind.MAP:
        return View.MAP
    if suffix(path) in HTML:
        return View.SCRIPTS
    return View.PICTURE if suffix(path) in PICTURES else View.PAGE


def suffix(path: str) -> str:
    """Give how a name ends, in small letters."""
    return PurePosixPath(path).suffix.lower()


def check_path(given: str) -> str:
    """Give a path as it is kept. Raises Refused for one that leads elsewhere or troubles a repository."""
    path = unicodedata.normalize("NFC", given.strip())
    parts = path.split("/")
    if not path or len(path.encode(errors="replace")) > LONGEST_PATH or len(parts) > DEEPEST:
        raise Refused("the file has no name, or too long a one", "give it a shorter name")
    for part in parts:
        if problem := _problem(part):
            raise Refused(
                f"a name within the path {problem}", "rename it: letters, digits, - and _ are always fine"
            )
    return path


def _problem(part: str) -> str:
    if part in {"", ".", ".."}:
        return "is empty, '.' or '..'"
    if part.startswith((".", "-", " ")) or part.endswith((".", " ")):
        return "begins with a dot, blank or hyphen, or ends with a dot or blank"
    if len(part) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if not part.isprintable() or _FORBIDDEN.search(part):
        return 'holds one of \\ : * ? " < > | ~ % or an invisible character'
    return ""


def check_size(path: str, size: int) -> None:
    """Refuse what is empty or too large."""
    name = PurePosixPath(path).name
    if size == 0:
        raise Refused(f"{name} is empty", "save it first")
    if suffix(path) in DATA and size > LARGEST_DATA_BYTES:
        raise Refused(
            f"{name} is data of more than {LARGEST_DATA_BYTES // MEGABYTE} MB",
            'put it into data/ on the main branch, or share it as a table: divebell.share("my_table")',
            413,
        )
    if size > LARGEST_BYTES:
        raise too_large()


def too_large() -> Refused:
    """Say that something is larger than anything that may be shared."""
    return Refused(
        f"it is larger than {LARGEST_BYTES // MEGABYTE} MB",
        "clear the largest outputs of the notebook, or put data into data/ on the main branch",
        413,
    )


def check_map(link: str) -> MapLink:
    """Read the link of a map page. Raises Refused for any other."""
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        parts = urlsplit("")
    name = unquote(parts.path.partition(_MAPS)[2])
    printable = name.isprintable() and parts.fragment.isprintable() and parts.fragment.isascii()
    if not name or "/" in name or not printable or len(link) > _LONGEST_VIEW:
        raise Refused("this is not the link of one of the event's maps", "copy it from the map's page: Link")
    return MapLink(name, parts.fragment)


def map_path(title: str, name: str) -> str:
    """Give the path at which a map is kept."""
    return f"maps/{slug_of(title or name)}.map.json"


def slug_of(name: str) -> str:
    """Give the part of an address that names a work."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "work"


def title_of(path: str) -> str:
    """Make a title out of a file's name."""
    name = PurePosixPath(path).name
    stem = name.removesuffix(PurePosixPath(path).suffix) if kind_of(path) is Kind.NOTEBOOK else name
    return (
        one_line(stem.replace("_", " ") if kind_of(path) is Kind.NOTEBOOK else stem, LONGEST_TITLE)
        or "Untitled"
    )


def one_line(text: str, longest: int) -> str:
    """Give a text as people see it in one line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:longest].strip()
