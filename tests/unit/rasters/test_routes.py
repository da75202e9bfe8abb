"""Tiles of rasters are kept within bounds, and asked for within them."""

import asyncio
import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException

routes = importlib.import_module("divebell.rasters.routes")  # the package has a function of that name


def request(x=0, **asked):
    params = {"z": 5, "x": x, "y": 0, "form": "png"}
    return SimpleNamespace(path_params=params, query_params=asked, headers={})


def test_a_tile_that_many_wait_for_is_kept_once(monkeypatch):
    monkeypatch.setattr(routes, "KEPT_BYTES", 3000)
    monkeypatch.setattr(routes, "_style", lambda *_: "grey")

    class Pages(routes._Pages):
        async def _drawable(self, _):
            return routes.Known("land", "v1", None, None), SimpleNamespace(bands=())

        def _path(self, _):
            return Path("land.tif")

    made = []

    async def do(_, wanted):
        made.append(wanted.x)
        await asyncio.sleep(0)
        return b"x" * 400

    async def story():
        pages = Pages(None, Path(), SimpleNamespace(do=do))
        await asyncio.gather(*(pages.tile(request(x=0)) for _ in range(20)))
        for x in (1, 1, 0, 1):
            answer = await pages.tile(request(x=x))
            assert answer.body == b"x" * 400

    asyncio.run(story())
    assert made == [0, 1]


@pytest.mark.parametrize("band", ["0", "3", "", "-1", "00019999", "1" * 5000])
def test_a_band_that_is_not_there_is_refused_however_it_is_written(band):
    facts = SimpleNamespace(bands=[SimpleNamespace(middle=None)] * 2)
    assert routes._style(request(band="02"), facts).band == 2
    with pytest.raises(HTTPException) as refused:
        routes._style(request(band=band), facts)
    assert refused.value.status_code == 400
