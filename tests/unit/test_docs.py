"""The documentation says what the code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from divebell.containers.image.requirements import wanted_names
from divebell.containers.image.steps import DEBIAN

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
YAML_BLOCK = re.compile(r"```yaml\n(name: .*?)```", re.DOTALL)


def test_the_generated_pages_are_what_the_code_says():
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_every_dependency_has_a_line_that_says_why():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    wanted = {
        *project["project"]["dependencies"],
        *(requirement for extra in extras.values() for requirement in extra),
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    }
    names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in wanted} - {"divebell"}
    names |= {name.lower() for name in wanted_names()}
    page = (ROOT / "docs" / "explanation" / "dependencies.md").read_text()
    python_part = page[page.index("## Python") : page.index("## Debian")]
    explained = {name.lower() for name in re.findall(r"^\| `([\w.-]+)` \|", python_part, re.MULTILINE)}
    assert explained == names


def test_every_debian_package_of_the_image_has_a_word_that_says_why():
    page = (ROOT / "docs" / "explanation" / "dependencies.md").read_text()
    debian_part = page[page.index("## Debian") :]
    assert not [name for name in DEBIAN if f"`{name}`" not in debian_part]


def test_every_package_of_the_map_page_has_a_word_that_says_why():
    manifest = json.loads(
        (ROOT / "src" / "divebell" / "portal" / "static" / "vendor" / "manifest.json").read_text()
    )
    page = (ROOT / "docs" / "explanation" / "dependencies.md").read_text()
    browser_part = page[page.index("## In the browser") :]
    assert not [name for name in manifest["packages"] if name != "cities" and f"`{name}`" not in browser_part]


def test_the_page_for_volunteers_names_every_package_of_a_workspace():
    page = (ROOT / "docs" / "how-to" / "workspace-packages.md").read_text()
    assert not [name for name in wanted_names() if f"`{name.lower()}`" not in page]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target.partition("#")[0]).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_event_files_in_the_text_are_good(page, tmp_path):
    from divebell.event import load_event

    for block in YAML_BLOCK.findall(page.read_text()):
        (tmp_path / "event.yaml").write_text(block)
        assert load_event(tmp_path).name
