"""How tables and columns are called. Pure: the same files give the same names, on every machine."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import PurePosixPath

from divebell.readers import READERS

LONGEST = 63
"""PostgreSQL cuts names after this many bytes."""

REMEMBERED = 20_000
"""Files whose names are not worked out again at each commit."""

_TAG = 6
_RESERVED_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", "oid"})


def slug(text: str) -> str:
    """Make a name of lower-case letters, digits and underscores, a letter first; empty if none is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return f"t_{words}" if words[:1].isdigit() else words


def short(name: str, whole: str) -> str:
    """Cut a name that is too long; what is cut leaves a hash of `whole` behind, so that names stay apart."""
    return name if len(name) <= LONGEST else tagged(name, whole)


def tagged(name: str, whole: str) -> str:
    """Give `name` an ending that depends on `whole`, within PostgreSQL's length."""
    mark = hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()[:_TAG]
    return f"{(name or 't')[: LONGEST - _TAG - 1].rstrip('_')}_{mark}"


def base_names(paths: Iterable[str], fixed: Mapping[str, str]) -> dict[str, str]:
    """Name the table of each file; `fixed` are names already given (by a hint, or to a table in place).

    A file's table is called like its stem. Where several files want one name, each gets its folder in front,
    its ending behind, or both - the first of these that tells them all apart.
    """
    free = sorted(set(paths) - set(fixed))
    names = dict(fixed)
    wanted = {path: _stem(path) for path in free}
    times = Counter(wanted.values())
    given = set(names.values())
    alone = [path for path in free if times[wanted[path]] == 1 and wanted[path] not in given]
    names |= {path: wanted[path] for path in alone}
    for stem in sorted({wanted[path] for path in free} - {wanted[path] for path in alone}):
        group = [path for path in free if wanted[path] == stem and path not in names]
        names |= _apart(group, set(names.values()) | set(wanted.values()))
    return names


@lru_cache(REMEMBERED)
def own_names(path: str) -> frozenset[str]:
    """Give every name that a file's own path can give its table; any other name came from a hint."""
    stem = _stem(path)
    return frozenset({stem, tagged(stem, path), *(_called(way, path) for way in _WAYS)})


def layer_names(file: str, base: str, layers: Sequence[str | None], taken: Collection[str]) -> list[str]:
    """Name the tables of a file's layers, in order: just `base` where there is one, else base and layer."""
    if len(layers) == 1:
        return [base if base not in taken else tagged(base, file)]
    names: list[str] = []
    for number, layer in enumerate(layers, start=1):
        part = slug(layer or "").removeprefix("t_") or str(number)
        whole = f"{file}\0{layer}\0{number}"
        name = short(f"{base}_{part}", whole)
        names.append(tagged(name, whole) if name in taken or name in names else name)
    return names


def column_names(names: Iterable[str], kept: Collection[str]) -> list[str]:
    """Keep column names apart from PostgreSQL's own and from those in `kept`."""
    given: list[str] = []
    for name in names:
        unique = name
        while unique in given or unique in kept or unique in _RESERVED_COLUMNS:
            unique = f"{unique[: LONGEST - 1]}_" if len(unique) < LONGEST else tagged(unique, unique)
        given.append(unique)
    return given


def index_name(table: str, purpose: str) -> str:
    """Name an index so that no table can have its name: a table's has no space."""
    name = f"{table} {purpose}"
    return name if len(name) <= LONGEST else f"{tagged(table, table)[-40:]} {purpose}"


def _stem(path: str) -> str:
    return short(slug(_split(path)[0]), path) or tagged("t", path)


def _split(path: str) -> tuple[str, str]:
    """Split a file's name before its endings: wells.csv.gz is `wells` and `.csv.gz`."""
    pure = PurePosixPath(path)
    inner = PurePosixPath(pure.stem)
    if pure.suffix.lower() in _WRAPPINGS and inner.suffix.lower() in _data_suffixes():
        return inner.stem, inner.suffix + pure.suffix
    return pure.stem, pure.suffix


@cache
def _data_suffixes() -> frozenset[str]:
    return frozenset(suffix for reader in READERS for suffix in reader.suffixes)


def _apart(group: list[str], taken: set[str]) -> dict[str, str]:
    for way in _WAYS:
        names = [_called(way, path) for path in group]
        if len(set(names)) == len(names) and not taken & set(names):
            return dict(zip(group, names, strict=True))
    return {path: tagged(_stem(path), path) for path in group}


def _called(way: Callable[[str, str, PurePosixPath], str], path: str) -> str:
    return short(way(*_split(path), PurePosixPath(path).parent), path)


_WRAPPINGS = frozenset({".gz", ".zip", ".bz2", ".xz", ".zst"})
_WAYS: tuple[Callable[[str, str, PurePosixPath], str], ...] = (
    lambda stem, _, folder: slug(f"{folder.name}_{stem}"),
    lambda stem, ending, _: slug(f"{stem}_{ending}"),
    lambda stem, ending, folder: slug(f"{folder.name}_{stem}_{ending}"),
    lambda stem, _, folder: slug("_".join((*folder.parts, stem))),
    lambda stem, ending, folder: slug("_".join((*folder.parts, stem, ending))),
)
"""What a file may be called when its stem alone is not enough: of stem, ending and folder."""
