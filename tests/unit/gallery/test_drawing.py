import json

import pytest

from divebell.gallery.drawing import draw


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_a_page_can_be_kept_whatever_a_notebook_printed(odd):
    output = {"output_type": "stream", "name": "stdout", "text": f"before{odd}after"}
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "print(odd)",
        "execution_count": 1,
        "outputs": [output],
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    page = draw("odd.ipynb", json.dumps(notebook).encode()).page
    assert "before" in page
    assert "\0" not in page
    page.encode()
