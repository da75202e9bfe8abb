"""TileJSON 3 of a raster, with what a legend needs. Pure."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import quote, urlencode

from divebell.pipeline.reading.frames import Raster
from divebell.rasters.draw import Style
from divebell.rasters.palettes import PALETTES, stops
from divebell.tiles.boxes import MAX_LATITUDE


class Known(Protocol):
    """A raster as the catalogue has it."""

    @property
    def table(self) -> str:
        """Its table in `data`."""
        ...

    @property
    def version(self) -> str:
        """Another one whenever its pixels may be others."""
        ...

    @property
    def facts(self) -> Raster | None:
        """What it holds; None where it cannot be drawn."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it cannot be drawn."""
        ...


def tilejson(known: Known, style: Style | None, *, address: str, asked: dict[str, str]) -> dict[str, Any]:
    """Describe a raster; `address` is where it is served, `asked` the style that was asked for."""
    facts = known.facts
    found: dict[str, Any] = {"tilejson": "3.0.0", "name": f"data.{known.table}", "scheme": "xyz"}
    if facts is None or style is None:
        return found | {"tiles": [], "divebell": {"reason": known.reason, "version": known.version}}
    west, south, east, north = facts.bounds
    query = f"?{urlencode(asked)}" if asked else ""
    return found | {
        "tiles": [f"{quote(address, safe=':/[]~')}/{{z}}/{{x}}/{{y}}.png{query}"],
        "minzoom": 0,
        "maxzoom": min(facts.zoom + 1, 22),
        "bounds": [
            west,
            max(south, -MAX_LATITUDE),
            east if east >= west else east + 360,
            min(north, MAX_LATITUDE),
        ],
        "divebell": {
            "reason": None,
            "version": known.version,
            "width": facts.width,
            "height": facts.height,
            "crs": facts.crs,
            "drawn": facts.drawn,
            "bands": [band.model_dump() for band in facts.bands],
            "legend": legend(facts, style),
            "palettes": list(PALETTES),
        },
    }


def legend(facts: Raster, style: Style) -> dict[str, Any] | None:
    """Give what a legend shows: values with their colours, or a ramp with its ends."""
    match facts.drawn:
        case "rgb":
            return None
        case "classes" | "palette":
            shown = {value: colour for value, colour in sorted(facts.colours.items()) if colour[3]}
            return {"classes": [{"value": value, "colour": _css(colour)} for value, colour in shown.items()]}
        case "ramp":
            band = facts.bands[style.band - 1]
            return {
                "band": band.name,
                "low": style.low,
                "high": style.high,
                "palette": style.palette,
                "colours": stops(style.palette),
            }


def _css(colour: tuple[int, int, int, int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour[:3])
