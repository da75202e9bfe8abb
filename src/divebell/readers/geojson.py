"""GeoJSON, features one below the other, and TopoJSON; a .json of plain records becomes a table."""

from __future__ import annotations

import re
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import refuse_imposter
from divebell.readers.encoding import Text, open_text
from divebell.readers.jsonlayer import JsonFile
from divebell.readers.model import Layer
from divebell.readers.scratch import Scratch
from divebell.readers.spatial import Request, declared, read_layer

_NEXT = "export it as GeoJSON (a FeatureCollection) from QGIS or the program that made it"


class GeoJsonReader:
    """Reads GeoJSON and its kin by what the document is, not by its ending."""

    name = "GeoJSON"
    suffixes: tuple[str, ...] = (
        ".geojson",
        ".json",
        ".topojson",
        ".geojsonl",
        ".geojsons",
        ".ndjson",
        ".jsonl",
        ".geojsonseq",
    )

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers: one, or one per object of a TopoJSON.

        Raises DivebellError when the file is no JSON, is cut off, or holds no geodata.
        """
        refuse_imposter(path, "GeoJSON")
        text = open_text(path, hint.encoding)
        if _kind(text) == "Topology":
            return _topology(text, hint)
        return [JsonFile(text, hint).layer()]


def _kind(text: Text) -> str | None:
    """Find the `type` of the outermost object near the document's beginning; None when it has none."""
    start = text.sample(1 << 16)
    depth, at = 0, 0
    token = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(:\s*"((?:[^"\\]|\\.)*)")?|[{}\[\]]', re.DOTALL)
    while found := token.search(start, at):
        at = found.end()
        mark = found[0]
        if mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
        elif depth == 1 and found[1] == "type" and found[3]:
            return found[3]
    return None


def _topology(text: Text, hint: DatasetHint) -> list[Layer]:
    if text.encoding == "utf-8":
        return _topojson(text.path, hint)
    scratch = Scratch()
    copied = scratch.folder / text.path.name
    copied.write_bytes(b"".join(text.utf8()).removeprefix(b"\xef\xbb\xbf"))
    return [scratch.keep_for(layer.told(*text.warnings)) for layer in _topojson(copied, hint)]


def _topojson(path: Path, hint: DatasetHint) -> list[Layer]:
    names = gdal.layers(path, "TopoJSON")
    if not names:
        raise DivebellError(f"{path.name} is a TopoJSON without objects", next_step=_NEXT)
    return [
        read_layer(Request(gdal.Source(path, name), "TopoJSON", name, declared, json=True), hint)
        for name in names
    ]
