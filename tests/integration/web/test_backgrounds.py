"""What lies under the data: divebell's own, tiles from elsewhere, a PMTiles file; and who may frame a map."""

import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httpx
import pytest

import pmtiles_file
from browser import chromium, complaints
from divebell.database import connect
from divebell.event.maps import Maps
from signed_in import COOKIE, ROOT, serving
from visitor import wait

READY = """
const done = arguments[0];
let calm = 0;
const timer = setInterval(() => {
  const map = window.divebellMap;
  const ready = map && map.loaded() && map.areTilesLoaded() && document.querySelector("#legend").children.length;
  calm = ready ? calm + 1 : 0;
  if (calm < 5) return; // names are placed once all else is drawn
  clearInterval(timer);
  done({
    layers: map.getStyle().layers.map((one) => one.id),
    whose: document.querySelector(".maplibregl-ctrl-attrib-inner")?.textContent,
    names: map.queryRenderedFeatures().filter((one) => one.layer.type === "symbol").map((one) => one.properties.name),
    water: map.querySourceFeatures("background", { sourceLayer: "water" }).length,
  });
}, 100);
"""

WATER = (
    "SELECT ST_AsMVT(q, 'water') FROM (SELECT ST_AsMVTGeom("
    "ST_TileEnvelope(1, 0, 0), ST_TileEnvelope(0, 0, 0)) AS geom) q"
)


def picture(colour):
    import numpy as np
    from matplotlib import image

    body = io.BytesIO()
    image.imsave(body, np.full((256, 256, 3), colour, dtype=np.uint8), format="png")
    return body.getvalue()


class Elsewhere(BaseHTTPRequestHandler):
    """Another site: tiles, and a page with a frame."""

    picture = b""
    framed = ""
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        page = f'<iframe id="f" src="{self.framed}" width="700" height="500"></iframe>'.encode()
        kind, body = ("image/png", self.picture) if self.path.endswith(".png") else ("text/html", page)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    Elsewhere.picture, Elsewhere.asked = picture((200, 30, 30)), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def spots(table):
    return table(
        "spots",
        "SELECT i AS id, ST_SetSRID(ST_MakePoint(i * 10, 20), 4326) AS geom FROM generate_series(1, 5) i",
    )


def visit(driver, site, path):
    driver.get(f"{site.address}{ROOT}static/icon.svg")
    driver.add_cookie({"name": COOKIE, "value": site.cookie("ana"), "path": ROOT})
    driver.get(f"{site.address}{ROOT}{path}")
    return driver.execute_async_script(READY)


def test_without_internet_there_are_land_borders_and_names(site, spots):
    with chromium() as driver:
        seen = visit(driver, site, f"maps/{spots}#view=4/20/30")
        assert {"sea", "land", "borders", "names-country", "names-city"} <= set(seen["layers"])
        assert {"Egypt", "Sudan"} <= set(seen["names"])
        assert "Natural Earth" in seen["whose"]
        assert not [one for one in complaints(driver) if "Content Security" in one]


def test_tiles_from_elsewhere_are_asked_for_there_alone_and_say_whose_they_are(cluster, spots, elsewhere):
    maps = Maps(background=f"{elsewhere}/{{z}}/{{x}}/{{y}}.png", attribution="© Somebody")
    with serving(cluster, maps=maps) as site, chromium() as driver:
        seen = visit(driver, site, f"maps/{spots}")
        assert "background" in seen["layers"]
        assert "© Somebody" in seen["whose"]
        assert Elsewhere.asked
        assert not [one for one in complaints(driver) if "Content Security" in one]
        policy = httpx.get(f"{site.address}{ROOT}", follow_redirects=False).headers["content-security-policy"]
        assert elsewhere not in policy  # other pages load nothing from there


@pytest.mark.parametrize("kind", ["pictures", "streets"])
def test_a_file_beside_the_event_file_is_read_in_parts(cluster, spots, kind):
    path = cluster.folder / "streets.pmtiles"
    if kind == "pictures":
        about = {"attribution": '<a href="https://a.example">© Maps</a>'}
        pmtiles_file.write(path, [picture((30, 200, 30))], kind=pmtiles_file.PNG, about=about)
    else:
        about = {"attribution": "© Maps", "vector_layers": [{"id": "water", "fields": {}}]}
        with connect(cluster.state, "event_tiles") as connection:
            water = connection.execute(WATER).fetchone()[0]
        pmtiles_file.write(path, [water], kind=pmtiles_file.MVT, about=about)
    with serving(cluster, maps=Maps(background="streets.pmtiles")) as site, chromium() as driver:
        seen = visit(driver, site, f"maps/{spots}")
        assert ("bg-water" if kind == "streets" else "background") in seen["layers"]
        assert (seen["water"] > 0) == (kind == "streets")
        assert "© Maps" in seen["whose"]
        with site.client("ana") as client:
            part = client.get("maps/-/background.pmtiles", headers={"Range": "bytes=0-6"})
            assert (part.status_code, part.content) == (206, b"PMTiles")
        assert httpx.get(f"{site.address}{ROOT}maps/-/background.pmtiles").status_code in {302, 303, 401}


@pytest.mark.parametrize(("public", "seen"), [(True, True), (False, False)])
def test_another_sites_page_shows_a_map_only_where_maps_are_public(cluster, spots, elsewhere, public, seen):
    with serving(cluster, maps=Maps(public=public)) as site, chromium() as driver:
        Elsewhere.framed = f"{site.address}{ROOT}maps/{spots}?embed=1"
        driver.get(f"{elsewhere}/page")
        driver.switch_to.frame(driver.find_element("id", "f"))
        shown = "return !!(window.divebellMap && divebellMap.loaded())"
        if seen:
            wait(driver).until(lambda one: one.execute_script(shown))
        else:
            assert not driver.execute_script(shown)
        driver.switch_to.default_content()
        Elsewhere.framed = f"{site.address}{ROOT}maps/{spots}"
        driver.get(f"{elsewhere}/page")
        driver.switch_to.frame(driver.find_element("id", "f"))
        assert not driver.execute_script("return !!document.getElementById('page')")
