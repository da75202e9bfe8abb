"""A stranger's notebook, reduced to what is known and not too much."""

import json

import nbformat
import pytest

from divebell.gallery.trimming import LARGEST_PICTURE, LONGEST_SOURCE, LONGEST_TEXT, MOST_CELLS, trimmed


def cell(**given):
    return {"cell_type": "code", "source": "x", "metadata": {}, "outputs": [], "execution_count": 1, **given}


def output(**data):
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {kind.replace("_", "/", 1): text for kind, text in data.items()},
    }


def shown(*outputs):
    return trimmed({"cells": [cell(outputs=list(outputs))]})["cells"][0]["outputs"]


@pytest.mark.parametrize(
    "strange",
    [
        {}, {"cell_type": 3}, {"cell_type": "code", "source": {"a": 1}, "outputs": "x"},
        {"cell_type": "code", "outputs": [3, None, {}, {"output_type": "stream"}, {"output_type": "display_data", "data": []}]},
        {"cell_type": "code", "execution_count": "x" * 9, "outputs": [{"output_type": "error", "traceback": [1, None]}]},
        {"cell_type": "markdown", "attachments": {"a": 3, "b": {"image/png": ["x", "y"]}}},
        {"cell_type": "raw", "source": ["a", 3]}, {"cell_type": "code", "execution_count": 10**400, "id": "<x>"},
    ],
)  # fmt: skip
def test_whatever_a_cell_is_it_becomes_a_valid_one(strange):
    nbformat.validate(nbformat.from_dict(trimmed({"cells": [strange], "metadata": 3})))


def test_an_output_is_shown_in_one_form():
    [one] = shown(output(text_html="<b>1</b>", text_plain="1", image_png="QUJD"))
    assert one["data"] == {"text/html": "<b>1</b>"}
    [one] = shown(output(text_plain="1", image_png=["QU", "JD"]))
    assert one["data"] == {"image/png": "QUJD"}
    assert shown(output(application_javascript="x")) == []
    assert shown(output(image_png='"><script>')) == []


def test_what_is_too_much_is_cut_and_said():
    [one] = shown({"output_type": "stream", "name": "stdout", "text": "x" * (LONGEST_TEXT + 1234)})
    assert one["text"].endswith("1,234 more characters: download it.")
    [one] = shown(output(text_html="x" * 10**6, text_plain="short"))
    assert one["data"] == {"text/plain": "short"}
    assert shown(output(image_png="A" * (LARGEST_PICTURE + 1))) == []
    cells = trimmed({"cells": [cell(source="y" * 50_000)] * (MOST_CELLS + 7)})["cells"]
    assert len(cells) == MOST_CELLS + 1
    assert "7 more cells" in cells[-1]["source"]
    assert len(cells[0]["source"]) < LONGEST_SOURCE + 100
    assert len(json.dumps(cells)) < 10**6


def test_many_outputs_and_pictures_end_somewhere():
    assert len(shown(*[output(text_plain="x")] * 500)) <= 51
    cells = trimmed({"cells": [cell(outputs=[output(image_png="A" * 3_000_000)] * 9)]})["cells"]
    assert len(json.dumps(cells)) < 11_000_000
