"""What the addresses of tiles have in common: finding the layer, reading parameters, answering."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from divebell.errors import DivebellError
from divebell.tiles.layers import Layer
from divebell.tiles.style import Style, style_of
from divebell.tiles.tile import Tiles

LONGEST_NUMBER = 9
"""Digits of a number in an address."""


def person_of(request: Request) -> str | None:
    """Give the name of who asks; None for a stranger, who sees what everyone at the event may see."""
    person = getattr(request.state, "person", None)
    return str(person.name) if person else None


async def layer_of(tiles: Tiles, request: Request) -> Layer:
    """Find the layer an address names. One that this person may not see is not there."""
    layer = await tiles.layers.find(request.path_params["name"], person_of(request))
    if layer is None:
        raise HTTPException(
            404, "There is no such layer. Its table may have been renamed, dropped, or no longer be shared."
        )
    return layer


def style(request: Request, layer: Layer) -> Style:
    """Read the style that an address asks for."""
    try:
        return style_of(request.query_params.multi_items(), layer)
    except DivebellError as error:
        words = f"{error.message[0].upper()}{error.message[1:]}."
        raise HTTPException(400, f"{words} {error.next_step or ''}".strip()) from None


def column_of(request: Request, layer: Layer, *, numeric: bool) -> str:
    """Read the name of a column that the layer has."""
    field = layer.field(request.query_params.get("column", ""))
    if field is None or (numeric and not field.numeric):
        kind = "numeric column" if numeric else "column"
        raise HTTPException(400, f"Say which {kind} of this table: ?column=NAME.")
    return field.name


def whole_number(request: Request, name: str, *, usual: int, least: int, most: int) -> int:
    """Read a whole number from an address."""
    text = request.query_params.get(name, str(usual))
    plain = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    if not (plain and least <= int(text) <= most):
        raise HTTPException(400, f"Expected {name} to be a number from {least} to {most}.")
    return int(text)


def fresh(value: Any) -> Response:
    """Answer JSON that is asked for anew each time."""
    return JSONResponse(value, headers={"Cache-Control": "private, no-cache"})
