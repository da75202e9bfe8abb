import hashlib
import json
from importlib.resources import files

VENDOR = files("divebell.portal") / "static" / "vendor"


def test_vendored_files_are_what_the_manifest_says():
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    there = {item.name for item in VENDOR.iterdir()} - {"manifest.json"}
    assert there == set(manifest["files"])
    for name, facts in manifest["files"].items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == facts["sha256"], name


def test_every_vendored_library_brings_its_licence():
    libraries = ("maplibre-gl", "world-atlas", "us-atlas", "lean-qr", "pmtiles")
    assert {f"{name}.LICENSE.txt" for name in libraries} <= {item.name for item in VENDOR.iterdir()}
