"""The workspace image as files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import divebell
from divebell.containers.image import recipe, tag
from divebell.containers.image.recipe import SHIPPED
from divebell.containers.image.requirements import pins, shipped, wanted_names
from divebell.errors import DivebellError
from divebell.event import load_event

ROOT = Path(__file__).parents[4]


@pytest.fixture
def event(tmp_path):
    def make(workspace="", rest=""):
        text = f"name: An event\ndata:\n  repository: repository\n{rest}"
        (tmp_path / "event.yaml").write_text(text + (f"workspace: {{{workspace}}}\n" if workspace else ""))
        return load_event(tmp_path)

    return make


def test_the_same_workspace_has_the_same_image(event):
    plain = tag(event())
    assert re.fullmatch(r"divebell-workspace:[0-9a-f]{12}", plain)
    assert tag(event("memory: 4 GB, disk: 1 GB", "description: Another one\n")) == plain
    assert tag(event("packages: [lonboard]")) != plain
    assert tag(event("packages: [h3, geopy]")) == tag(event("packages: [geopy, h3, h3]"))


def test_another_base_package_or_file_is_another_image(event):
    tags = [tag(event(each)) for each in ("", "packages: [h3]", "packages: [h3>=4]", 'base: "debian:13"')]
    assert len(set(tags)) == 4
    whole = recipe(event())
    for path in whole.files:
        other = {**whole.files, path: whole.files[path] + " "}
        assert type(whole)(whole.base, whole.steps, other).tag != whole.tag


def test_the_dockerfile_builds_on_the_events_base_and_copies_only_what_is_there(event):
    whole = recipe(event('base: "ubuntu:24.04"'))
    text = whole.files["Dockerfile"]
    assert "FROM ubuntu:24.04 AS debian" in text
    copied = re.findall(r"^COPY (?!--from)(\S+)", text, re.MULTILINE)
    given = {path.split("/")[0] for path in whole.files} | {"builder"}
    assert set(copied) <= given
    assert given - {"Dockerfile"} <= set(copied)


def test_the_last_stage_sees_nothing_of_the_machine_that_builds(event):
    last = recipe(event()).files["Dockerfile"].rpartition("\nFROM ")[2]
    assert "builder" not in last
    assert re.findall(r"^ARG (.*)", last, re.MULTILINE) == ["BASE_ID"]


def test_no_mirror_registry_or_index_is_named(event):
    for path in ("Dockerfile", "requirements.lock", "installer.lock", "packages/packages.py"):
        assert "://" not in recipe(event()).files[path]


def test_each_instruction_belongs_to_a_step(event):
    whole = recipe(event())
    lines = re.sub(r"\\\n", "", whole.files["Dockerfile"]).splitlines()
    said = [line for line in lines if line and not line.startswith("#")]
    assert sum(step.instructions for step in whole.steps) == len(said)


def test_divebells_own_code_in_the_image_needs_nothing_that_stays_outside():
    package = Path(divebell.__file__).parent
    shipped_files = [file for name in SHIPPED for file in _python_files(package / name)]
    wanted = {name for file in shipped_files for name in _imports(file) if name.startswith("divebell.")}
    outside = {name for name in wanted if not _is_shipped(name)}
    assert not outside


def test_only_text_and_no_bytecode_is_shipped(event):
    assert not [path for path in recipe(event()).files if "__pycache__" in path or path.endswith(".pyc")]
    assert "code/divebell/workspace/jupyter/config/jupyter_server_config.json" in recipe(event()).files


def test_hub_and_workspace_have_the_same_versions():
    hub, workspace = (
        pins((ROOT / "requirements" / "lock.txt").read_text()),
        pins(shipped("requirements.lock")),
    )
    both = hub.keys() & workspace.keys()
    assert {"jupyterhub", "jupyterlab", "pandas", "geopandas", "psycopg"} <= both
    assert {name: workspace[name] for name in both} == {name: hub[name] for name in both}
    uv = pins((ROOT / "requirements" / "installer.txt").read_text())["uv"]
    assert pins(shipped("installer.lock")) == {"uv": uv}


def test_every_package_is_locked_with_hashes_apart_from_the_one_that_slows_every_start():
    lock = shipped("requirements.lock")
    assert not {name.lower().partition("[")[0] for name in wanted_names()} - pins(lock).keys()
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", lock.strip()))
    assert "rfc3987-syntax" not in pins(lock)


def test_every_package_of_the_event_that_cannot_be_had_is_named(event):
    with pytest.raises(DivebellError) as refused:
        recipe(event("packages: ['pandas<2', 'numpy==1.26.4', h3, 'GeoPandas>=1']"))
    assert "pandas<2: every workspace has pandas 3" in refused.value.message
    assert "numpy==1.26.4: every workspace has numpy" in refused.value.message
    assert "h3" not in refused.value.message
    assert "GeoPandas" not in refused.value.message
    assert "`packages`" in refused.value.next_step


def test_a_version_that_is_none_is_told(event):
    with pytest.raises(DivebellError, match="h3==banana: "):
        recipe(event("packages: ['h3==banana']"))


def _python_files(place):
    return [place] if place.suffix == ".py" else sorted(place.glob("**/*.py"))


def _imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _is_shipped(module):
    first = module.split(".")[1]
    return any(name.removesuffix(".py") == first for name in SHIPPED)
