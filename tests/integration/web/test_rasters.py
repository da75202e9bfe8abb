"""Rasters as tiles: pixels in their colours, values on click, whatever the file is like."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from divebell.database import connect
from divebell.event.model import DatasetHint
from divebell.pipeline import rasters
from divebell.pipeline.reading.service import Readings
from divebell.rasters.palettes import table as ramp

VRT = (
    b"<VRTDataset rasterXSize='9' rasterYSize='9'><VRTRasterBand dataType='Byte' band='1'><SimpleSource>"
    b"<SourceFilename>/etc/passwd</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
)


def from_origin(west, north, width, height):
    return Affine(width, 0, west, 0, -height, north)


HERE = from_origin(5, 50, 0.01, 0.01)


@pytest.fixture(scope="module")
def readings(cluster, tmp_path_factory):
    cluster.state.checkout.mkdir(mode=0o755, exist_ok=True)
    with Readings([cluster.state.checkout], tmp_path_factory.mktemp("reading") / "scratch") as ready:
        yield ready


@pytest.fixture
def raster(cluster, readings):
    """Write a GeoTIFF, have it made ready as the loader does, and give its name in addresses."""

    def make(name, data, hint=None, colours=None, **facts):
        data = data[None] if data.ndim == 2 else data
        shape = {"count": data.shape[0], "height": data.shape[1], "width": data.shape[2]}
        known = {"dtype": str(data.dtype), "crs": "EPSG:4326", "transform": HERE, **shape, **facts}
        path = cluster.state.checkout / f"{name}.tif"
        with (
            warnings.catch_warnings(action="ignore"),
            rasterio.open(path, "w", driver="GTiff", **known) as file,
        ):
            file.write(data)
            if colours:
                file.write_colormap(1, colours)
        return ready(cluster, readings, path, hint or DatasetHint())

    return make


def ready(cluster, readings, path, hint=None):
    name = path.stem
    with connect(cluster.state, "event_loader", autocommit=True) as loader:
        loader.execute("DELETE FROM catalogue.dataset WHERE table_name = %s", (name,))
        loader.execute(
            "INSERT INTO catalogue.dataset (file, table_name, format, identity, commit, committed_at, author, rows,"
            " columns, load_seconds) VALUES (%s, %s, 'GeoTIFF', md5(random()::text), 'c', now(), 'a', 1, '[]', 0)",
            (path.name, name),
        )
        rasters.keep(loader, readings, cluster.state, {path.name: hint or DatasetHint()}, lambda _: None)
    return f"data.{name}"


def reason(client, name):
    return client.get(f"rasters/{name}.json").json()["divebell"]["reason"]


def pixels(answer):
    assert answer.status_code == 200, answer.text
    with warnings.catch_warnings(action="ignore"), rasterio.open(io.BytesIO(answer.content)) as picture:
        return picture.read()


def tile_of(client, name, longitude, latitude, zoom, form="png", **style):
    """Give a tile and where in it a place is."""
    n = 2**zoom
    x = (longitude + 180) / 360 * n
    y = (1 - np.arcsinh(np.tan(np.radians(latitude))) / np.pi) / 2 * n
    answer = client.get(f"rasters/{name}/{zoom}/{int(x)}/{int(y)}.{form}", params=style)
    return answer, int(x % 1 * 256), int(y % 1 * 256)


def colour_at(client, name, longitude, latitude, zoom=10, **style):
    answer, column, row = tile_of(client, name, longitude, latitude, zoom, **style)
    if answer.status_code == 204:
        return (0, 0, 0, 0)
    return tuple(int(channel) for channel in pixels(answer)[:, row, column])


def value_at(client, name, longitude, latitude):
    answer = client.get(f"rasters/{name}/value", params={"lon": longitude, "lat": latitude})
    assert answer.status_code == 200, answer.text
    return [band["value"] for band in answer.json()["bands"]]


def test_one_band_is_drawn_by_a_ramp_between_the_2_and_98_percentiles(client, raster):
    data = np.tile(np.linspace(0, 1000, 200, dtype="float32"), (100, 1))
    name = raster("ras_ramp", data)
    said = client.get(f"rasters/{name}.json").json()
    assert said["tilejson"] == "3.0.0"
    assert said["bounds"] == pytest.approx([5, 49, 7, 50])
    legend = said["divebell"]["legend"]
    assert (legend["low"], legend["high"]) == pytest.approx((20, 980), abs=6)
    assert legend["colours"][0] == "#440154"
    for longitude in (5.505, 6.005, 6.505):
        share = (data[0, int((longitude - 5) * 100)] - legend["low"]) / (legend["high"] - legend["low"])
        expected = ramp("viridis")[round(share * 255)]
        found = colour_at(client, name, longitude, 49.5)
        assert found[3] == 255
        assert np.abs(np.array(found[:3], int) - expected).max() <= 3
    assert colour_at(client, name, 4.9, 49.5)[3] == 0


def test_a_style_can_be_asked_for(client, raster):
    name = raster("ras_style", np.full((50, 50), 5, "float32"))
    assert colour_at(client, name, 5.2, 49.8, palette="grey", low=0, high=5) == (245, 245, 245, 255)
    assert colour_at(client, name, 5.2, 49.8, palette="grey", low=5, high=10) == (10, 10, 10, 255)
    address = f"rasters/{name}/10/526/350.png"
    for wrong in ("palette=x", "band=2", "band=0", "band=x", "low=x", "low=2&high=1", "low=nan", "high=inf"):
        assert client.get(f"{address}?{wrong}").status_code == 400, wrong


def test_nodata_and_not_a_number_are_transparent(client, raster):
    data = np.full((100, 100), 3, "float32")
    data[:, 50:] = -9999
    name = raster("ras_nodata", data, nodata=-9999)
    assert colour_at(client, name, 5.2, 49.5)[3] == 255
    assert colour_at(client, name, 5.8, 49.5)[3] == 0
    assert value_at(client, name, 5.2, 49.5) == [3]
    assert value_at(client, name, 5.8, 49.5) == [None]
    for number, nodata in enumerate((np.nan, None)):
        data[:, 50:] = np.nan
        name = raster(f"ras_nan{number}", data, nodata=nodata)
        assert colour_at(client, name, 5.2, 49.5)[3] == 255
        assert colour_at(client, name, 5.8, 49.5)[3] == 0
        assert value_at(client, name, 5.8, 49.5) == [None]
        assert client.get(f"rasters/{name}.json").json()["divebell"]["bands"][0]["valid"] == 0.5


def test_red_green_and_blue_are_drawn_as_they_are(client, raster):
    data = np.zeros((3, 60, 60), "uint8")
    data[0], data[1], data[2] = 200, 100, 50
    name = raster("ras_rgb", data, photometric="RGB")
    assert colour_at(client, name, 5.3, 49.7) == (200, 100, 50, 255)
    assert client.get(f"rasters/{name}.json").json()["divebell"]["legend"] is None


def test_opacity_is_kept(client, raster):
    data = np.full((4, 60, 60), 99, "uint8")
    data[3, :, 30:] = 0
    data[3, :, :30] = 255
    name = raster("ras_rgba", data, photometric="RGB", alpha="YES")
    assert colour_at(client, name, 5.1, 49.7) == (99, 99, 99, 255)
    assert colour_at(client, name, 5.5, 49.7)[3] == 0


def test_a_file_with_a_colour_table_keeps_it(client, raster):
    data = np.zeros((60, 60), "uint8")
    data[:, 30:] = 1
    name = raster("ras_palette", data, colours={0: (10, 20, 30, 255), 1: (200, 210, 220, 255)})
    assert colour_at(client, name, 5.1, 49.7) == (10, 20, 30, 255)
    assert colour_at(client, name, 5.5, 49.7) == (200, 210, 220, 255)


def test_few_whole_numbers_are_classes_with_colours_of_their_own(client, raster):
    data = np.repeat(np.array([11, 21, 42, -7], "int16"), 20)[None].repeat(60, axis=0)
    name = raster("ras_classes", data)
    classes = client.get(f"rasters/{name}.json").json()["divebell"]["legend"]["classes"]
    assert [one["value"] for one in classes] == [-7, 11, 21, 42]
    assert len({one["colour"] for one in classes}) == 4
    by_value = {one["value"]: one["colour"] for one in classes}
    for longitude, value in ((5.1, 11), (5.3, 21), (5.5, 42), (5.7, -7)):
        found = colour_at(client, name, longitude, 49.7)
        assert "#{:02x}{:02x}{:02x}".format(*found[:3]) == by_value[value]
    for form in ("png", "webp"):
        answer, column, row = tile_of(client, name, 5.1, 49.7, 10, form)
        assert pixels(answer)[3, row, column] == 255
        assert answer.headers["content-type"] == f"image/{form}"


def test_sixteen_bits_and_one_bit_are_drawn(client, raster):
    deep = np.tile(np.linspace(0, 65535, 100).astype("uint16"), (50, 1))
    name = raster("ras_16", deep)
    assert client.get(f"rasters/{name}.json").json()["divebell"]["drawn"] == "ramp"
    assert value_at(client, name, 5.995, 49.9) == [65535]
    flat = np.zeros((50, 50), "uint8")
    flat[:, 25:] = 1
    name = raster("ras_1", flat, nbits=1)
    assert colour_at(client, name, 5.1, 49.9) != colour_at(client, name, 5.4, 49.9)
    deep_rgb = np.stack([np.tile(np.linspace(0, 5000 * k, 100).astype("uint16"), (50, 1)) for k in (1, 2, 3)])
    name = raster("ras_rgb16", deep_rgb, photometric="RGB")
    assert colour_at(client, name, 5.985, 49.9) == (255, 255, 255, 255)


def test_many_bands_are_chosen_from(client, raster):
    data = np.stack([np.full((20, 20), band, "float32") for band in range(1, 31)])
    name = raster("ras_many", data)
    assert value_at(client, name, 5.1, 49.9) == list(range(1, 31))
    assert colour_at(client, name, 5.1, 49.9, band=30, palette="grey", low=0, high=30) == (245, 245, 245, 255)


def test_one_pixel_is_a_raster_too(client, raster):
    name = raster("ras_tiny", np.full((1, 1), 7, "int16"))
    assert value_at(client, name, 5.005, 49.995) == [7]
    assert colour_at(client, name, 5.005, 49.995, zoom=12)[3] == 255


def test_a_turned_raster_lies_where_it_should(client, raster):
    data = np.zeros((100, 100), "int16")
    data[80:, :] = 5
    cosine, sine = 0.01 * np.cos(np.pi / 6), 0.01 * np.sin(np.pi / 6)
    turned = Affine(cosine, sine, 5, sine, -cosine, 50)
    name = raster("ras_turned", data, transform=turned)
    for column, row, expected in ((50, 90, 5), (50, 10, 0)):
        x, y = column + 0.5, row + 0.5
        longitude, latitude = 5 + cosine * x + sine * y, 50 + sine * x - cosine * y
        assert value_at(client, name, longitude, latitude) == [expected]
        assert colour_at(client, name, longitude, latitude)[3] == 255
    assert colour_at(client, name, 5.9, 49.1)[3] == 0


@pytest.mark.parametrize("crs", ["EPSG:32631", "EPSG:3035", "EPSG:3857"])
def test_other_coordinate_systems_are_drawn_in_their_place(client, raster, crs):
    from rasterio.warp import transform

    [x], [y] = transform("EPSG:4326", crs, [5], [50])
    data = np.zeros((200, 200), "int16")
    data[100:, 100:] = 9
    name = raster(f"ras_{crs[5:]}", data, crs=crs, transform=from_origin(x, y, 500, 500))
    [longitude], [latitude] = transform(crs, "EPSG:4326", [x + 75_250], [y - 75_250])
    assert value_at(client, name, longitude, latitude) == [9]
    inside, outside = colour_at(client, name, longitude, latitude), colour_at(client, name, 5.3, 49.8)
    assert inside[3] == outside[3] == 255
    assert inside != outside


def test_both_sides_of_the_antimeridian_are_drawn(client, raster):
    data = np.tile(np.arange(400, dtype="float32"), (100, 1))
    degrees = raster("ras_anti", data, transform=from_origin(170, 10, 0.05, 0.05))
    metres = raster("ras_60", data, crs="EPSG:32660", transform=from_origin(700_000, 1_000_000, 1000, 1000))
    for name in (degrees, metres):
        west, _, east, _ = client.get(f"rasters/{name}.json").json()["bounds"]
        assert west < 180 < east < 200
        for longitude in (179.9, -179.9):
            [value] = value_at(client, name, longitude, 8.5)
            assert value is not None
            assert colour_at(client, name, longitude, 8.5, zoom=7)[3] == 255, (name, longitude)
    assert value_at(client, degrees, -174.99, 8.5) == [300]


def test_the_whole_earth_is_drawn_from_west_to_east(client, raster):
    for title, west in (("ras_globe", -180), ("ras_globe360", 0)):
        data = np.tile(np.arange(360, dtype="float32"), (180, 1))
        name = raster(title, data, transform=from_origin(west, 90, 1, 1))
        for longitude in (-170, -10, 10, 170):
            assert colour_at(client, name, longitude, 20, zoom=2)[3] == 255, (name, longitude)
            assert value_at(client, name, longitude + 0.5, 20.5) == [(longitude - west) % 360]


def test_every_zoom_of_a_large_raster_is_drawn_from_a_copy_that_fits(client, raster):
    data = np.tile(np.linspace(0, 1, 6000, dtype="float32"), (5000, 1))
    name = raster("ras_large", data, transform=from_origin(5, 50, 0.0005, 0.0005))
    colours = {colour_at(client, name, 6.5, 49, zoom=zoom)[:3] for zoom in range(6, 14)}
    spread = np.ptp(np.array(sorted(colours), int), axis=0)
    assert spread.max() <= 12, "the same place has the same colour at every zoom"


@pytest.mark.parametrize(
    ("what", "data", "facts", "words"),
    [
        ("complex", np.ones((10, 10), "complex64"), {}, "complex numbers"),
        (
            "placeless",
            np.ones((10, 10), "uint8"),
            {"crs": None, "transform": from_origin(5e5, 5e6, 10, 10)},
            "which coordinate system",
        ),
        ("picture", np.ones((10, 10), "uint8"), {"crs": None, "transform": None}, "where on Earth"),
        ("bands", np.ones((65, 4, 4), "uint8"), {}, "65 bands"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_words(client, raster, what, data, facts, words):
    name = raster(f"ras_{what}", data, **facts)
    assert words in reason(client, name)
    assert client.get(f"rasters/{name}.json").json()["tiles"] == []
    answer = client.get(f"rasters/{name}/0/0/0.png")
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_a_raster_without_a_coordinate_system_is_drawn_once_the_event_names_it(client, raster):
    data = np.full((10, 10), 4, "uint8")
    name = raster("ras_hint", data, DatasetHint(crs="EPSG:4326"), crs=None)
    assert value_at(client, name, 5.05, 49.95) == [4]
    assert colour_at(client, name, 5.05, 49.95)[3] == 255


def test_a_huge_raster_in_a_small_file_is_refused_at_once(client, cluster, readings):
    path = cluster.state.checkout / "ras_huge.tif"
    with warnings.catch_warnings(action="ignore"):
        rasterio.open(
            path, "w", driver="GTiff", width=300_000, height=300_000, count=1, dtype="float32", crs="EPSG:4326",
            transform=from_origin(-180, 90, 0.001, 0.0005), tiled=True, blockxsize=8192, blockysize=8192,
            sparse_ok=True, bigtiff=True,
        ).close()  # fmt: skip
    assert path.stat().st_size < 1_000_000
    assert "335.3 GB" in reason(client, ready(cluster, readings, path))


def test_the_overviews_a_file_brings_are_not_believed(client, raster, cluster, readings):
    name = raster("ras_liar", np.full((600, 600), 50, "float32"))
    path = cluster.state.checkout / "ras_liar.tif"
    with warnings.catch_warnings(action="ignore"):
        with rasterio.open(path, "r+") as file:
            file.build_overviews([2, 4, 8])
        with rasterio.open(path, "r+", overview_level=2) as overview:
            overview.write(np.full((1, 75, 75), 9000, "float32"))
    name = ready(cluster, readings, path)
    assert client.get(f"rasters/{name}.json").json()["divebell"]["bands"][0]["high"] == 50


def test_files_that_point_elsewhere_are_not_followed(client, cluster, readings):
    for name, text in (
        ("ras_vrt", VRT),
        ("ras_curl", b"/vsicurl/http://127.0.0.1:1/x.tif"),
        ("ras_cut", b"II*\0\x08\0\0\0"),
        ("ras_noise", b"II*\0" + bytes(range(256)) * 40),
    ):  # fmt: skip
        path = cluster.state.checkout / f"{name}.tif"
        path.write_bytes(text)
        assert reason(client, ready(cluster, readings, path)), name


def test_an_unchanged_tile_costs_nothing_and_a_changed_raster_is_another(client, raster):
    name = raster("ras_etag", np.full((50, 50), 5, "float32"))
    first, *_ = tile_of(client, name, 5.2, 49.8, 10)
    address = first.request.url.path.removeprefix("/services/event/")
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    raster("ras_etag", np.full((50, 50), 6, "float32"))
    changed = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    "query", ["", "lon=1", "lon=a&lat=1", "lon=1&lat=91", "lon=nan&lat=1", "lon=1e9&lat=0"]
)
def test_a_place_has_to_be_one(client, raster, query):
    name = raster("ras_place", np.full((5, 5), 5, "float32"))
    assert client.get(f"rasters/{name}/value?{query}").status_code == 400


def test_outside_the_raster_there_is_no_value(client, raster):
    name = raster("ras_out", np.full((5, 5), 5, "float32"))
    answer = client.get(f"rasters/{name}/value?lon=100&lat=10").json()
    assert answer["inside"] is False
    assert answer["bands"] == [{"name": "band 1", "value": None}]


def test_only_rasters_of_the_event_are_drawn(client):
    for name in ("data.nothing", "v_ana.x", "catalogue.raster", "..%2F..%2Fsecrets", "x"):
        assert client.get(f"rasters/{name}.json").status_code == 404
        assert client.get(f"rasters/{name}/0/0/0.png").status_code == 404


def test_a_stranger_sees_no_raster(site, raster):
    name = raster("ras_closed", np.full((5, 5), 5, "float32"))
    with site.client() as stranger:
        assert stranger.get(f"rasters/{name}.json").status_code == 401
        assert stranger.get(f"rasters/{name}/0/0/0.png").status_code == 401
