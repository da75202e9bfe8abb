"""The workspace image: what is in it, and what is not."""

from __future__ import annotations

import json

import pytest

from divebell.cli import main
from divebell.containers import image
from divebell.containers.image import trial
from divebell.containers.image.requirements import pins, shipped, wanted_names
from divebell.database import connect, provision
from divebell.database.connection import role_of

pytestmark = pytest.mark.timeout(900)

BYTECODE = """
import importlib.util, os, struct, sys
from pathlib import Path
bad = 0
for place in ("/opt/event/lib", "/opt/divebell"):
    for source in Path(place).rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        if not compiled.exists():
            bad += 1
            continue
        flags, mtime = struct.unpack("<II", compiled.read_bytes()[4:12])
        bad += flags == 0 and mtime != int(source.stat().st_mtime)
print(bad)
"""


def test_an_image_that_is_there_is_not_built_again(workspace, make_event):
    heard = []
    built = image.build(make_event("memory: 3 GB"), heard.append, image.Wish())
    assert (built.tag, built.was_there, heard) == (workspace, True, [])


def test_it_is_lean_and_says_what_it_is_made_of(workspace, client, run):
    found = image.find(client, workspace)
    assert found.bytes < 3_000_000_000
    assert found.labels["org.divebell.recipe"] == workspace.partition(":")[2]
    manifest = json.loads(run(workspace, "cat", "/opt/event/MANIFEST"))
    assert manifest["base"] == found.labels["org.divebell.base-id"]
    assert manifest["debian"].keys() >= {"gdal-bin", "git", "git-lfs", "python3", "libc6"}
    assert manifest["event_packages"] == {}
    locked = pins(shipped("requirements.lock"))
    for name in ("jupyterlab", "geopandas", "duckdb"):
        assert manifest["packages"][name] in {str(version) for version in locked[name]}


def test_a_volunteer_reads_postgis_converts_a_file_and_draws_a_map_in_it(workspace, client, cluster):
    with connect(cluster.state, "event_hub") as database:
        password = provision(database, "ingrid7")
    database = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(cluster.ports.postgres),
        "PGDATABASE": "event",
        "PGUSER": role_of("ingrid7"),
        "PGPASSWORD": password,
    }
    tried = trial.try_image(client, workspace, database, as_json=True)
    assert tried.good, tried.output + tried.errors
    found = json.loads(tried.output)
    assert found.keys() == {"packages", "divebell", "commands", "ogr2ogr", "map", "postgis"}
    assert found["packages"]["found"].startswith(f"{len(wanted_names())} packages")
    assert found["postgis"]["found"].endswith(f"as {database['PGUSER']}")


def test_nothing_of_the_machine_that_built_it_is_in_it(workspace, client, run, bundle):
    history = json.dumps(client.images.get(workspace).history())
    for word in ("PIP_INDEX", "CERT", "UV_", "builder", "proxy"):
        assert word not in history
    assert run(workspace, "sh", "-c", "ls -d /builder /recipe /installer 2>/dev/null || true") == ""
    own = run(workspace, "cat", "/etc/ssl/certs/ca-certificates.crt").split()
    foreign = sorted({line for line in bundle.split() if len(line) == 64} - set(own))
    places = "/opt /etc /usr/local /usr/share/ca-certificates /root /home /var"
    script = f"printf '%s' \"$1\" > /tmp/lines; [ ! -s /tmp/lines ] || grep -rlF -f /tmp/lines {places} 2>/dev/null || true"
    # every tenth line is enough to find any certificate, and keeps the command short
    assert run(workspace, "sh", "-c", script, "sh", "\n".join(foreign[::10])) == ""
    assert "CERT" not in run(workspace, "env")


def test_everything_is_compiled_and_belongs_to_root(workspace, run):
    assert run(workspace, "python", "-c", BYTECODE).strip() == "0"
    strangers = "find /opt ! -user root -o -perm /022 ! -type l | head -5"
    assert run(workspace, "sh", "-c", strangers) == ""


def test_there_is_no_node_no_conda_and_nobody_is_told_who_uses_it(workspace, run):
    script = "which node npm conda mamba || true; env"
    said = run(workspace, "sh", "-c", script)
    assert "/" not in said.splitlines()[0]
    assert "PLOOMBER_STATS_ENABLED=false" in said
    telemetry = "from ploomber_core.telemetry.telemetry import check_telemetry_enabled as on; print(on())"
    assert run(workspace, "python", "-c", telemetry).strip() == "False"


def test_pip_finds_the_workspaces_packages_there_already(workspace, run):
    said = run(workspace, "pip", "install", "--no-index", "--dry-run", "geopandas", "duckdb", "ipyleaflet")
    assert "Would install" not in said
    assert "already satisfied: geopandas" in said


def test_the_command_line_shows_builds_and_tries_it(workspace, tmp_path, capfd):
    (tmp_path / "event.yaml").write_text("name: An event\ndata:\n  repository: repository\n")
    assert main(["image", "show", str(tmp_path)]) == 0
    assert "FROM debian:12-slim AS debian" in capfd.readouterr().out
    assert main(["image", "show", str(tmp_path), "--json"]) == 0
    shown = json.loads(capfd.readouterr().out)
    assert (shown["tag"], shown["built"]) == (workspace, True)
    assert "requirements.lock" in shown["files"]
    assert main(["image", "build", str(tmp_path)]) == 0
    assert f"{workspace}: 2." in (said := capfd.readouterr().out)
    assert "was there already" in said
    assert main(["image", "test", str(tmp_path)]) == 0
    assert "good   map: map.png" in capfd.readouterr().out
