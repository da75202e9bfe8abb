from __future__ import annotations

import re
from pathlib import Path

from divebell.readers import READERS

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| ([\w ]+) \| ((?:`\.\w+` ?)+) \| `(\w+)` \|", re.MULTILINE)


def documented():
    text = (ROOT / "docs/reference/formats.md").read_text()
    return {
        name: (tuple(re.findall(r"\.\w+", suffixes)), module) for name, suffixes, module in ROW.findall(text)
    }


def test_readers_modules_and_the_page_agree():
    known = {one.name: (one.suffixes, type(one).__module__.rsplit(".", 1)[1]) for one in READERS}
    assert documented() == known


def test_every_reader_module_is_in_the_list():
    folder = ROOT / "src/divebell/readers"
    modules = {
        one.stem
        for one in folder.glob("*.py")
        if re.search(r"^class \w+Reader:", one.read_text(), re.MULTILINE)
    }
    assert modules == {module for _, module in documented().values()}


def test_no_two_readers_answer_to_one_ending():
    suffixes = [suffix for one in READERS for suffix in one.suffixes]
    assert len(suffixes) == len(set(suffixes))
