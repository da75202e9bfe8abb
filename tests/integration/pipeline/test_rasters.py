"""The loader keeps a copy of each GeoTIFF for the map, and says in the catalogue what it holds."""

import io
import warnings

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from divebell.pipeline import rasters
from divebell.pipeline.reading import limits


def tif(value, **facts):
    known = {"driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
    known |= {"transform": Affine(0.01, 0, 5, 0, -0.01, 50)} | facts
    with warnings.catch_warnings(action="ignore"), MemoryFile() as memory:
        with memory.open(**known) as file:
            file.write(np.full((known["count"], known["height"], known["width"]), value, known["dtype"]))
        return bytes(memory.read())


def kept(loading):
    return sorted(file.name for file in loading.state.rasters.iterdir())


def known(loading):
    rows = loading.rows("SELECT table_name, version, facts, reason FROM catalogue.raster ORDER BY 1")
    return {name: (version, facts, reason) for name, version, facts, reason in rows}


def test_a_raster_gets_a_copy_that_is_cloud_optimised(loading):
    original = tif(7)
    loading.load({"data/height.tif": original})
    [(name, (version, facts, reason))] = known(loading).items()
    assert (name, reason) == ("height", None)
    assert kept(loading) == [f"{version}.json", f"{version}.tif"]
    assert facts["bands"][0]["middle"] == [7, 7]
    assert facts["bounds"] == pytest.approx([5, 49.7, 5.4, 50])
    with rasterio.open(loading.state.rasters / f"{version}.tif") as copy:
        assert copy.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (copy.read() == 7).all()
    assert (loading.state.checkout / "data/height.tif").read_bytes() == original
    assert not list(loading.state.checkout.glob("**/*.aux.xml"))
    assert (loading.rows("SELECT count(*) FROM data.height")) == [(1,)]


def test_a_changed_raster_is_another_copy_and_one_that_is_gone_goes(loading):
    loading.load({"data/a.tif": tif(1), "data/b.tif": tif(2)})
    before = known(loading)
    files = kept(loading)
    loading.load({"data/a.tif": tif(3)})
    after = known(loading)
    assert after["a"][0] != before["a"][0]
    assert after["a"][1]["bands"][0]["low"] == 3
    assert after["b"] == before["b"]
    assert len(kept(loading)) == len(files) == 4
    assert set(kept(loading)) != set(files)
    loading.load({"data/a.tif": None, "data/b.tif": None})
    assert known(loading) == {}
    assert kept(loading) == []


def test_a_copy_that_is_there_is_not_made_again(loading):
    loading.load({"data/a.tif": tif(1)})
    [file] = loading.state.rasters.glob("*.tif")
    stamp = file.stat().st_mtime_ns
    loading.connection.execute("DELETE FROM catalogue.raster")
    loading.load()
    assert known(loading)["a"][1] is not None
    assert file.stat().st_mtime_ns == stamp


def test_a_raster_that_cannot_be_drawn_is_still_a_table_and_says_why(loading):
    loading.load(
        {
            "data/radar.tif": tif(1, dtype="complex64"),
            "data/broken.tif": tif(1)[:200],
            "data/fine.tif": tif(1),
            "data/places.csv": "name,x\na,1\n",
        }
    )
    said = known(loading)
    assert said.keys() == {"radar", "fine"}
    assert "complex" in said["radar"][2]
    assert said["fine"][1] is not None
    assert {"radar", "fine", "places"} <= loading.tables


def test_a_small_file_cannot_fill_the_disk_or_the_memory(loading, monkeypatch):
    with warnings.catch_warnings(action="ignore"), MemoryFile() as memory:
        memory.open(
            driver="GTiff", width=200_000, height=200_000, count=1, dtype="uint8", crs="EPSG:4326",
            transform=Affine(0.001, 0, -100, 0, -0.001, 80), tiled=True, blockxsize=8192, blockysize=8192,
            sparse_ok=True, bigtiff=True,
        ).close()  # fmt: skip
        bomb = bytes(memory.read())
    assert len(bomb) < 2_000_000
    monkeypatch.setattr(rasters, "MOST_BYTES", 1000)
    loading.load({"data/bomb.tif": bomb, "data/large.tif": tif(1, width=900, height=900)})
    said = known(loading)
    assert "unpack to 37.3 GB" in said["bomb"][2]
    assert "larger than" in said["large"][2]
    assert kept(loading) == []
    assert limits.MEMORY_BYTES <= 6 * 1024**3


def test_hints_name_the_coordinate_system(loading):
    loading.repo.commit(
        {"data/plan.tif": tif(1, crs=None, transform=Affine(10, 0, 500_000, 0, -10, 5_000_000))}
    )
    loading.load()
    assert "coordinate system" in known(loading)["plan"][2]
    loading.hint(**{"data/plan.tif": {"crs": "EPSG:32633"}})
    loading.load()
    facts = known(loading)["plan"][1]
    assert facts["crs"] == "EPSG:32633"
    assert facts["bounds"][0] == pytest.approx(15, abs=0.01)


def test_files_are_only_as_large_as_their_pixels(loading):
    loading.load({"data/a.tif": tif(1, width=2000, height=1500)})
    [file] = loading.state.rasters.glob("*.tif")
    assert file.stat().st_size < 200_000
    assert io.BytesIO(file.read_bytes()).read(4) in {b"II*\0", b"II+\0"}
