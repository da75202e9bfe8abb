"""Works that are made to be slow, large or deep, examined in processes of their own as the web app does it."""

import asyncio
import json

import pytest

import examining
from divebell.gallery import sharing
from divebell.gallery.drawing import Drawn
from divebell.gallery.rules import Refused


def notebook(*cells):
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def markdown(text):
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def shows(**data):
    given = {kind.replace("_", "/", 1): text for kind, text in data.items()}
    output = {"output_type": "display_data", "metadata": {}, "data": given}
    return {"cell_type": "code", "metadata": {}, "source": "x", "execution_count": 1, "outputs": [output]}


def examined(contents, path="a.ipynb"):
    return asyncio.run(sharing._examined(path, contents, {}))[1]


@pytest.mark.parametrize(
    "contents",
    [
        pytest.param(notebook(*[markdown("x")] * 10_000), id="10,000 cells"),
        pytest.param(notebook(shows(text_html="<table>" + "<tr><td>1</td></tr>" * 450_000)), id="9 MB of HTML"),
        pytest.param(notebook(shows(text_html="<div>" * 50_000)), id="deep HTML"),
        pytest.param(notebook(markdown(">" * 20_000 + "x"), markdown("[" * 20_000)), id="deep Markdown"),
        pytest.param(b'{"cells": [{"cell_type": "markdown", "source": "x"}], "more": [' + b"[]," * 3_000_000 + b"1]}", id="many lists"),
    ],
)  # fmt: skip
def test_a_notebook_that_is_too_much_is_shown_in_part_or_not_and_said(contents):
    drawn = examined(contents)
    assert drawn.page is not None or drawn.reason
    assert len(drawn.page or "") < 16_000_000


def test_a_process_that_dies_takes_nobody_elses_work_along(monkeypatch):
    monkeypatch.setattr(sharing, "draw", examining.end)
    drawn = examined(b"# Fine", "a.md")
    assert drawn == Drawn(None, "It takes too much to be shown here.")
    monkeypatch.setattr(sharing, "look", examining.end)
    with pytest.raises(Refused, match="takes too much"):
        examined(b"# Fine", "a.md")


def test_the_process_that_examines_has_no_network_writes_nothing_and_knows_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("DIVEBELL_SECRET", "x")
    monkeypatch.setattr(sharing, "draw", examining.what_is_left)
    said = json.loads(str(examined(str(tmp_path).encode(), "a.md").page))
    assert said == {"interfaces": [], "written": False, "secret": None}
