from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pyarrow as pa
import pytest
import rasterio
import shapely
from rasterio.control import GroundControlPoint
from rasterio.transform import Affine

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import dataset_files, reader_for

from .conftest import table_of

HERE = Affine(10, 0, 1000, 0, -10, 2000)


@pytest.fixture
def tif(tmp_path):
    def write(name="a.tif", **options):
        path = tmp_path / name
        facts = {"driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": "uint8"} | options
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with rasterio.open(path, "w", **facts) as raster:
                raster.write(np.zeros((facts["count"], 30, 40), facts["dtype"]))
        return path

    return write


def layer_of(path, **hint):
    (layer,) = reader_for(path).read(path, DatasetHint(**hint))
    return layer


def said(layer):
    return "\n".join(layer.warnings)


def row_of(layer):
    row = {name: values[0] for name, values in table_of(layer).to_pydict().items()}
    return row | {"geom": shapely.to_wkt(shapely.from_wkb(row["geom"]))}


def cloud_optimised(path):
    """Make a COG of a TIFF by another process: reading takes the drivers away that writing one needs."""
    code = f"import rasterio.shutil; rasterio.shutil.copy({str(path)!r}, {str(path) + 'f'!r}, driver='COG')"
    subprocess.run([sys.executable, "-c", code], check=True)
    return path.with_suffix(".tiff")


@pytest.mark.parametrize("finish", [lambda path: path, cloud_optimised])
def test_a_raster_is_one_row_with_its_outline(tif, finish):
    facts = {"count": 2, "dtype": "float32", "nodata": -9999, "compress": "lzw"}
    path = finish(tif(crs="EPSG:2263", transform=HERE, **facts))
    layer = layer_of(path)
    assert (layer.name, layer.geometry.type, layer.geometry.crs) == (None, "Polygon", "EPSG:2263")
    assert row_of(layer) == {
        "file": path.name,
        "width": 40,
        "height": 30,
        "bands": 2,
        "data_type": "float32",
        "nodata": -9999.0,
        "pixel_width": 10.0,
        "pixel_height": 10.0,
        "compression": "lzw",
        "geom": "POLYGON ((1000 2000, 1400 2000, 1400 1700, 1000 1700, 1000 2000))",
    }
    assert layer.warnings == ("a raster becomes one row with its outline; its pixels are drawn on the map",)


def test_a_turned_raster_keeps_its_corners(tif):
    layer = layer_of(tif(crs="EPSG:32618", transform=Affine(3, 4, 0, 4, -3, 0)))
    assert row_of(layer)["geom"] == "POLYGON ((0 0, 120 160, 240 70, 120 -90, 0 0))"
    assert (row_of(layer)["pixel_width"], row_of(layer)["pixel_height"]) == (5.0, 5.0)
    assert row_of(layer)["nodata"] is None


def test_a_raster_without_reference_system_is_told_and_a_hint_overrides(tif):
    path = tif(transform=HERE)
    assert layer_of(path).geometry.crs is None
    assert "does not say its coordinate reference system" in said(layer_of(path))
    assert layer_of(path, crs="EPSG:2263").geometry.crs == "EPSG:2263"


def test_a_picture_is_no_map(tif):
    with pytest.raises(DivebellError, match="it is a picture, not a map"):
        layer_of(tif())


def test_control_points_alone_do_not_place_a_raster(tif):
    points = [
        GroundControlPoint(row, column, column, row) for row, column in ((0, 0), (0, 9), (9, 0), (9, 9))
    ]
    with pytest.raises(DivebellError, match="control points only"):
        layer_of(tif(gcps=points, crs="EPSG:4326"))


def test_a_world_file_places_a_picture_and_is_part_of_the_dataset(tif, write):
    path = tif()
    write("a.tfw", "10\n0\n0\n-10\n1005\n1995\n")
    assert (
        row_of(layer_of(path))["geom"] == "POLYGON ((1000 2000, 1400 2000, 1400 1700, 1000 1700, 1000 2000))"
    )
    files = ["d/a.tif", "d/A.TFW", "d/a.tif.aux.xml", "d/a.tif.ovr", "d/b.tfw", "e/b.tiff"]
    assert [(one.path, one.parts) for one in dataset_files(files)] == [
        ("d/a.tif", ("d/A.TFW", "d/a.tif", "d/a.tif.aux.xml")),
        ("e/b.tiff", ("e/b.tiff",)),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello, this is text", "is no TIFF"),
        (b"<html>", "is no GeoTIFF: it is a web page"),
        (b"II*\0" + b"\xff" * 60, "cannot be read as GeoTIFF"),
        (b"II+\0" + b"\0" * 60, "cannot be read as GeoTIFF"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_geotiff_is_refused(write, content, words):
    with pytest.raises(DivebellError, match=words):
        layer_of(write("a.tif", content))


def test_a_raster_that_is_cut_short_is_still_placed_since_pixels_are_not_read(tif):
    path = tif(crs="EPSG:2263", transform=HERE)
    path.write_bytes(path.read_bytes()[:-600])
    assert row_of(layer_of(path))["width"] == 40


def test_a_file_that_points_elsewhere_is_not_followed(write):
    vrt = '<VRTDataset rasterXSize="1" rasterYSize="1"></VRTDataset>'
    with pytest.raises(DivebellError, match="is no"):
        layer_of(write("a.tif", vrt))
    tiff_code = (
        "from divebell.readers.geotiff import _restrict; import rasterio; _restrict()\n"
        "with rasterio.Env() as env: print(*sorted(env.drivers()))"
    )
    run = subprocess.run([sys.executable, "-c", tiff_code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["COG", "GTiff"]


def test_other_formats_do_not_wait_for_rasterio():
    code = "import divebell.readers, sys; print('rasterio' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_columns_have_the_types_of_their_values(tif):
    layer = layer_of(tif(crs="EPSG:4326", transform=Affine(0.1, 0, 5, 0, -0.1, 50)))
    assert [one.type for one in layer.columns].count(pa.int64()) == 3
    assert layer.geometry.crs == "EPSG:4326"


def test_degrees_that_the_outline_contradicts_are_not_believed(tif):
    layer = layer_of(tif(crs="EPSG:4326", transform=HERE))
    assert layer.geometry.crs is None
    assert any("declares longitudes and latitudes in WGS 84" in one for one in layer.warnings)
    whole = layer_of(tif(crs="EPSG:4326", transform=Affine(9, 0, 0, 0, -6.01, 90.15)))
    assert whole.geometry.crs == "EPSG:4326"
