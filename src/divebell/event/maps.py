"""Section `maps` of the event file: who may see maps, and what lies under the data."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from divebell.event import values
from divebell.event.section import Section

FORMS = (
    "an address of picture tiles (https://example.org/{z}/{x}/{y}.png), the address of a MapLibre style "
    "(https://example.org/style.json), or a PMTiles file beside the event file (streets.pmtiles)"
)


class Background(StrEnum):
    """What lies under the data. Each kind has its part in ``portal/static/map/background.js``."""

    OWN = ""
    """Land, borders and names from Natural Earth, which divebell brings."""
    RASTER = "raster"
    STYLE = "style"
    PMTILES = "pmtiles"


def kind_of(value: str) -> Background | None:
    """Tell which kind of background a value names; None where it is none."""
    if re.fullmatch(r"https?://[^\s;,'\"]+", value):
        if all(part in value for part in ("{z}", "{x}", "{y}")):
            return Background.RASTER
        return None if "{" in value else Background.STYLE
    path = PurePosixPath(value)
    if path.suffix == ".pmtiles" and not path.is_absolute() and ".." not in path.parts and ":" not in value:
        return Background.PMTILES
    return None


def checked(value: str) -> str:
    """Check what a background is named by."""
    if kind_of(value) is None:
        raise values.refuse(f"found {value!r}, expected {FORMS}")
    return value


_Background = Annotated[str, AfterValidator(checked)]
_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Maps(Section):
    """Who may see the maps, and what lies under the data."""

    public: bool = Field(False, description="Whether maps and catalogue can be seen without signing in.")
    background: _Background | None = Field(
        None,
        description=f"What lies under the data: {FORMS}. Left out: land, borders and names that divebell "
        "brings; they need no internet.",
    )
    attribution: _Words | None = Field(
        None, description="Whose the background is, as maps say it: © OpenStreetMap contributors."
    )

    @model_validator(mode="after")
    def _names_its_source(self) -> Maps:
        if self.kind is Background.RASTER and self.attribution is None:
            raise values.refuse("expected `attribution` beside `background`: tiles do not say whose they are")
        return self

    @property
    def kind(self) -> Background:
        """The kind of background."""
        return (kind_of(self.background) if self.background else None) or Background.OWN

    @property
    def origin(self) -> str | None:
        """Scheme and host that the background comes from, where it is not the event itself."""
        if self.background is None or self.kind is Background.PMTILES:
            return None
        parts = urlsplit(self.background)
        return f"{parts.scheme}://{parts.netloc}"
