"""What the page of JupyterLab may ask for, and what it is made of."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest

from divebell.errors import DivebellError
from divebell.workspace.copy_plan import Verdict
from divebell.workspace.copy_words import Standing
from divebell.workspace.lab_handlers import own_file, relative, shown
from divebell.workspace.reporting import names, plain

EXTENSION = Path(str(files("divebell.workspace"))) / "jupyter" / "share" / "labextensions" / "divebell"
BAD = ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a\0b", "x" * 5000, None, 7, ["a"], ".."]


@pytest.mark.parametrize("path", BAD)
def test_a_path_that_leads_elsewhere_is_refused(path, tmp_path):
    with pytest.raises(DivebellError):
        relative(path)
    with pytest.raises(DivebellError):
        own_file(tmp_path, path)


@pytest.mark.parametrize("path", ["a.ipynb", "my-event/a b/ç.csv", "-rf", "a\nb", "<img src=x>.md", "..a"])
def test_odd_names_are_names(path, tmp_path):
    assert relative(path) == path
    assert own_file(tmp_path, path) == tmp_path / path


def test_a_link_out_of_the_home_is_not_followed(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "home" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(DivebellError, match="not a file of yours"):
        own_file(tmp_path / "home", "link")


def test_the_page_hears_of_no_more_files_than_it_can_show(monkeypatch):
    monkeypatch.setenv("DIVEBELL_URL", "http://event.example/services/event/")
    said = shown(Standing(900, {f"{n}.csv": Verdict.CHANGED for n in range(900)}))
    assert said["yours"]["count"] == 900
    assert len(said["yours"]["files"]) == 200
    assert said["yours"]["files"][0]["why"] == "You changed it."
    assert json.dumps(said)


def test_what_is_told_to_the_event_can_be_written_down():
    assert names(["a", "b\0c", "x" * 300, "odd\udcff"]) == ["a", "bc", "…" + "x" * 199, "odd?"]
    assert len(names([str(n) for n in range(50)])) == 20
    assert plain("odd\udcff\0") == "odd?"


def test_a_change_of_the_extension_gives_it_another_address():
    """Browsers keep what has an address with `?v=` for years: set it to what this test says."""
    made = hashlib.sha256()
    for file in sorted((EXTENSION / "static").iterdir()):
        made.update(file.name.encode() + b"\0" + file.read_bytes())
    package = json.loads((EXTENSION / "package.json").read_text())
    assert package["jupyterlab"]["_build"]["load"] == f"static/remoteEntry.js?v={made.hexdigest()[:12]}"


@pytest.mark.parametrize(
    "word", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("]
)
def test_the_extension_never_makes_markup_or_code_of_a_text(word):
    assert not [file.name for file in (EXTENSION / "static").glob("*.js") if word in file.read_text()]
