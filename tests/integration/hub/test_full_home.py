"""A home that is full to the last byte, on a disk of its own: its owner gets in, is told, and mends it."""

from __future__ import annotations

import pytest

from divebell import disks
from divebell.hub.spawner.accounts import ensure_home
from live import until

FULL = "HOME IS FULL.html"
FILL = """
for name, size in (("big data.bin", 1 << 20), ("small.bin", 4096), ("tiny.bin", 1)):
    try:
        with open(name, "ab", buffering=0) as file:
            while file.write(bytes(size)):
                pass
    except OSError as error:
        print(error.errno)
"""
pytestmark = pytest.mark.root


def notebook(words):
    cell = {"cell_type": "markdown", "id": "a", "metadata": {}, "source": words}
    return {
        "type": "notebook",
        "content": {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5},
    }


class Home:
    """A volunteer whose home is a small disk."""

    def __init__(self, hub, browser, start_kernel, name):
        self.hub, self.browser, self.start_kernel, self.name = hub, browser, start_kernel, name

    def api(self, method, path, **arguments):
        return self.browser.api(method, f"/user/{self.name}/api/{path}", **arguments)

    def names(self):
        return {each["name"] for each in self.api("GET", "contents/").json()["content"]}

    def read(self, path):
        return self.api("GET", f"contents/{path}").json()["content"]["cells"][0]["source"]

    def kernel(self):
        return self.start_kernel(self.browser, self.name)

    def restart(self):
        self.browser.stop_notebook(self.name)
        self.browser.open_notebook(self.name)


@pytest.fixture(scope="module", params=["used before", "never used"])
def home(request, hub, open_browser, start_kernel, tmp_path_factory):
    """Give somebody whose home, of 64 MB, is full: with what the first start puts there, or without."""
    name = request.param.replace(" ", "_").replace("never", "zoe").replace("used", "yan")
    folder = ensure_home(hub.folder.state.homes, name)
    disks.ensure_disk(
        tmp_path_factory.mktemp("disk") / "home.img", folder.folder, 64 << 20, folder.uid, folder.gid
    )
    try:
        browser = open_browser()
        browser.claim(name, hub.password)
        browser.open_notebook(name)
        somebody = Home(hub, browser, start_kernel, name)
        if request.param == "never used":
            somebody.kernel().run("!rm -rf ~/.[a-z]* ~/*")
        assert somebody.api("PUT", "contents/old.ipynb", json=notebook("precious")).status_code == 201
        assert somebody.kernel().run(FILL).split() == ["28", "28", "28"]
        somebody.restart()
        yield somebody
    finally:
        disks.release(folder.folder)


def test_it_starts_with_the_page_that_says_so(home):
    opened = home.browser.follow(f"/user/{home.name}/")
    assert opened.status_code == 200
    assert str(opened.url).endswith("/lab/tree/HOME%20IS%20FULL.html")
    page = home.api("GET", f"contents/{FULL}").json()["content"]
    assert "Your home is full" in page
    assert "rm ~/&#x27;big data.bin&#x27;" in page
    assert "boss or maria" in page


def test_a_kernel_starts_and_says_so_in_its_first_cell(home):
    kernel = home.kernel()
    said = kernel.run("print(6 * 7)")
    assert "42" in said
    assert "Your home is full" in said
    assert "rm ~/'big data.bin'" in said
    assert kernel.run("print(1)").strip() == "1"


def test_a_terminal_opens_and_files_are_shown(home):
    assert home.api("POST", "terminals").status_code == 200
    assert {"old.ipynb", "big data.bin"} <= home.names()
    assert (
        home.api("POST", "contents/old.ipynb/checkpoints").status_code == 201
    )  # what opening a file asks for
    assert home.api("GET", "contents/old.ipynb/checkpoints").status_code == 200


def test_saving_is_refused_in_words_and_nothing_is_lost(home):
    before = home.names()
    for words in ("short", "long " * 100_000):
        refused = home.api("PUT", "contents/old.ipynb", json=notebook(words))
        assert refused.status_code == 507
        assert "old.ipynb was not saved; what was there before is unchanged" in refused.json()["message"]
        assert home.read("old.ipynb") == "precious"
    text = {"type": "file", "format": "text", "content": "x" * 5_000}
    assert home.api("PUT", "contents/new.txt", json=text).status_code == 507
    assert home.api("POST", "contents/", json={"type": "notebook"}).status_code == 507
    assert home.names() == before


def test_what_the_event_brings_meanwhile_is_told_and_comes_once_there_is_room(home):
    """A small file: a large one would be a link, which needs no room."""
    home.hub.push({"data/late.csv": "a\n" * 5_000})
    copy = f"/user/{home.name}/divebell/copy"
    said = home.browser.api("POST", copy).json()
    assert said["summary"].startswith("Your copy is up to date, except for ")
    assert "data/late.csv" in said["missing"]
    file = home.hub.folder.state.homes / home.name / "my-event" / "data" / "late.csv"
    assert not file.exists() or file.is_symlink()
    big = home.hub.folder.state.homes / home.name / "big data.bin"
    with big.open("r+b") as opened:
        opened.truncate(1 << 20)
    assert home.browser.api("POST", copy).json()["missing"] == []
    assert file.read_text() == "a\n" * 5_000
    assert not file.is_symlink()
    home.kernel().run(FILL)


def test_after_deleting_everything_is_as_it_was(home):
    assert home.api("DELETE", "contents/big%20data.bin").status_code == 204
    assert home.api("PUT", "contents/old.ipynb", json=notebook("more")).status_code == 200
    assert home.read("old.ipynb") == "more"
    home.restart()
    assert FULL not in home.names()
    there = {"welcome.ipynb", "my-event", "public", "data", "event"}
    until(lambda: there <= home.names(), "not all of it is there")
    assert home.kernel().run("print(1)").strip() == "1"
    assert home.browser.follow(f"/user/{home.name}/").url.path.endswith("/lab/tree/welcome.ipynb")


def test_from_ninety_per_cent_a_kernel_warns(home):
    kernel = home.kernel()
    kernel.run("import os; free = os.statvfs('.').f_bavail * os.statvfs('.').f_frsize")
    kernel.run("open('almost.bin', 'wb').write(os.urandom(free - 4_900_000))")
    said = home.kernel().run("print(1)")
    assert "Your home is nearly full" in said
    assert "rm ~/almost.bin" in said
