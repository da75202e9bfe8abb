"""Ramps of colours by name, and tables of 256 made from them. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

PALETTES: dict[str, tuple[str, ...]] = {
    "viridis": ("440154", "46327e", "365c8d", "277f8e", "1fa187", "4ac16d", "a0da39", "fde725"),
    "magma": ("000004", "221150", "5f187f", "982d80", "d3436e", "f8765c", "febb81", "fcfdbf"),
    "cividis": ("00224e", "243768", "575c6d", "7c7b78", "a59c74", "d2c060", "fee838"),
    "grey": ("0a0a0a", "f5f5f5"),
    "blues": ("f7fbff", "c6dbef", "6baed6", "2171b5", "08306b"),
    "terrain": ("2c6e49", "7fb069", "d9d375", "c08552", "895737", "f5f5f5"),
    "red-blue": ("b2182b", "ef8a62", "fddbc7", "f7f7f7", "d1e5f0", "67a9cf", "2166ac"),
}
"""From low to high. viridis, magma and cividis are matplotlib's (CC0); red-blue and blues ColorBrewer's."""
DEFAULT = "viridis"


def stops(name: str) -> list[str]:
    """Give a ramp's colours for a legend, from low to high."""
    return [f"#{colour}" for colour in PALETTES[name]]


@cache
def table(name: str) -> Any:
    """Give 256 colours, red, green and blue, evenly from a ramp's first to its last."""
    anchors = np.array([[int(colour[at : at + 2], 16) for at in (0, 2, 4)] for colour in PALETTES[name]])
    places = np.linspace(0, len(anchors) - 1, 256)
    channels = [np.interp(places, np.arange(len(anchors)), anchors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)
