"""Work goes from one volunteer's notebook to everybody's eyes, and on into somebody else's notebook."""

import json
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from live import until, wait_until_loaded
from visitor import claim, click, run_cell, wait
from volunteer import at_notebook

CELL = {"cell_type": "markdown", "metadata": {}, "source": "# What ana found\n\nJobs, *by county*."}
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
NOTEBOOK = json.dumps({"cells": [CELL], "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def ana(event):
    wait_until_loaded(event, "counties")
    browser, kernel = at_notebook(event.address, "ana", event.password)
    kernel.run(f"import pathlib\npathlib.Path('found.ipynb').write_text({NOTEBOOK!r})")
    yield kernel
    kernel.close()
    browser.client.close()


@pytest.fixture(scope="module")
def ben(event):
    with chromium() as driver:
        claim(driver, event, "ben")
        yield driver


def test_a_notebook_is_shared_seen_and_copied_into_somebody_elses_home(event, ana, ben):
    said = ana.run("import divebell\ndivebell.publish('found.ipynb', description='A first look')")
    assert "What ana found" in said, said
    url = ana.run("print(divebell.publish('found.ipynb').url)").strip()
    assert urlsplit(url).path == "/services/event/gallery/ana/found"
    ben.get(f"{event.address}services/event/gallery")
    click(ben, By.LINK_TEXT, "What ana found")
    frame = wait(ben).until(lambda d: d.find_element(By.CSS_SELECTOR, "iframe.work"))
    ben.switch_to.frame(frame)
    wait(ben).until(lambda d: "by county" in d.find_element(By.TAG_NAME, "body").text)
    ben.switch_to.default_content()
    click(ben, By.LINK_TEXT, "Open a copy in my notebook")
    wait(ben, 150).until(lambda d: d.find_element(By.CSS_SELECTOR, ".jp-Notebook"))
    wait(ben).until(lambda d: "What ana found" in d.find_element(By.CSS_SELECTOR, ".jp-Notebook").text)
    wait(ben).until(lambda d: "from-the-gallery/ana/found.ipynb" in d.current_url)
    wait(ben).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)
    said = run_cell(ben, "import divebell\ndivebell.publish(title='Seen by ben')")
    assert "Seen by ben" in said


def test_the_loader_commits_it_to_a_branch_of_its_author(event, ana):
    ana.run("import divebell\ndivebell.publish('found.ipynb')")
    ask = (
        "import os, json, urllib.request as u\n"
        "r = u.Request(os.environ['DIVEBELL_PAGES'] + 'api/shared?author=ana',"
        " headers={'Authorization': 'token ' + os.environ['JUPYTERHUB_API_TOKEN']})\n"
        "w = json.load(u.urlopen(r))['works'][0]['id']\n"
        "r.full_url = os.environ['DIVEBELL_PAGES'] + f'api/shared/{w}'\n"
        "print(json.load(u.urlopen(r))['versions'][0]['commit'])"
    )
    until(lambda: len(ana.run(ask).strip()) == 40, "the version was not committed")


def test_what_would_give_its_author_away_stays_with_them(ana):
    code = "import os, pathlib\npathlib.Path('leak.txt').write_text('x ' + os.environ[{name!r}] + ' y')\nimport divebell\ndivebell.publish('leak.txt')"
    for name, words in (
        ("PGPASSWORD", "your password for the database"),
        ("JUPYTERHUB_API_TOKEN", "notebook server"),
    ):
        said = ana.run(code.format(name=name))
        assert "was not shared" in said, said
        assert words in said


def test_a_terminal_shares_and_takes_back(ana):
    run = "import subprocess\ndone = subprocess.run({words!r}, capture_output=True, text=True)\nprint(done.returncode, done.stdout, done.stderr)"
    ana.run(
        "pathlib.Path('my-event').mkdir(exist_ok=True)\npathlib.Path('my-event/note.md').write_text('# Note')"
    )
    assert "Everybody can now see" in ana.run(run.format(words=["divebell-share", "my-event/note.md"]))
    assert "2 " in ana.run(run.format(words=["divebell-share"]))[:3]
    assert "1 " in ana.run(run.format(words=["divebell-share", "no-such.md"]))[:3]
    assert "no longer" in ana.run(run.format(words=["divebell-share", "--take-back", "my-event/note.md"]))
    assert "you do not share" in ana.run(
        run.format(words=["divebell-share", "--take-back", "my-event/note.md"])
    )


def test_a_map_is_shared_as_it_is_shown(event, ana, ben):
    said = ana.run(
        "import divebell\nprint(divebell.publish(divebell.map('counties'), title='The counties').url)"
    ).strip()
    assert urlsplit(said).path.endswith("/gallery/ana/the-counties"), said
    ben.get(f"{event.address}{urlsplit(said).path[1:]}")
    ben.switch_to.frame(wait(ben).until(lambda d: d.find_element(By.CSS_SELECTOR, "iframe.work")))
    wait(ben).until(lambda d: d.execute_script("return !!window.divebellMap"))
    ben.switch_to.default_content()
    assert "None" in ana.run(
        "print(divebell.unpublish(divebell.publish(divebell.map('counties'), title='The counties')))"
    )
