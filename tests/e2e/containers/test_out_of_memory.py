"""A cell that wants more memory than the container has: its owner is told what happened, where it happened."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from visitor import run_all_cells, wait

HOG = "big = []\nwhile True: big.append(bytearray(20_000_000))"
STDERR = '[data-mime-type="application/vnd.jupyter.stderr"]'


@pytest.fixture(scope="module")
def greta(volunteer):
    return volunteer("greta")


def notebook(*cells):
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    made = [
        {
            "cell_type": "code",
            "id": f"c{n}",
            "metadata": {},
            "source": text,
            "outputs": [],
            "execution_count": None,
        }
        for n, text in enumerate(cells)
    ]
    content = {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return {"type": "notebook", "content": content}


def as_the_same_person(driver, browser):
    """Give a real browser the cookies of one who has signed in."""
    driver.get(f"{browser.url}/hub/health")
    for cookie in browser.client.cookies.jar:
        driver.add_cookie({"name": cookie.name, "value": cookie.value, "path": cookie.path})


def told_by_websocket(kernel, code):
    """Run a cell that will not end by itself; give what is shown until the kernel is said to start again."""
    kernel.socket.send(json.dumps(kernel_message(code)))
    shown = []
    while True:
        answer = json.loads(kernel.socket.recv())
        if answer["msg_type"] == "stream" and answer["parent_header"].get("msg_id") == "hog":
            shown.append(answer["content"]["text"])
        if answer["content"].get("execution_state") == "restarting":
            return "".join(shown)


def kernel_message(code):
    header = {
        "msg_id": "hog", "msg_type": "execute_request", "username": "", "session": "test",
        "date": "2026-01-01T00:00:00Z", "version": "5.3",
    }  # fmt: skip
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }


def test_the_owner_is_told_at_once_and_again_by_the_next_kernel(greta):
    _, kernel = greta
    said = told_by_websocket(kernel, HOG)
    assert "Your notebook used more than its 512 MB of memory, and its kernel was ended" in said
    assert "your files and notebooks are not" in said
    kernel.connect()
    assert "512 MB of memory" in kernel.run("print('again')")
    assert kernel.run("print('and again')").strip() == "and again"


def test_a_program_that_a_cell_starts_is_told_too_and_the_kernel_lives(greta):
    _, kernel = greta
    kernel.run("kept = 1")
    said = kernel.run(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HOG!r}]).returncode")
    assert "-9" in said
    assert "a program was ended for it" in said
    assert kernel.run("print(kept)").strip() == "1"


def test_the_words_stand_under_the_very_cell_in_jupyterlab(greta):
    browser, _ = greta
    page = browser.api(
        "PUT", "/user/greta/api/contents/hog.ipynb", json=notebook("print('one')", HOG, "print('three')")
    )
    assert page.status_code in {200, 201}
    with chromium() as driver:
        as_the_same_person(driver, browser)
        driver.get(f"{browser.url}/user/greta/lab/tree/hog.ipynb")
        wait(driver).until(lambda d: d.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell"))
        wait(driver).until(lambda d: "Idle" in d.find_element(By.ID, "jp-main-statusbar").text)
        run_all_cells(driver)
        wait(driver).until(lambda d: "more than its 512 MB" in d.find_element(By.CSS_SELECTOR, STDERR).text)
        cells = driver.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell")
        assert [bool(cell.find_elements(By.CSS_SELECTOR, STDERR)) for cell in cells] == [False, True, False]
        assert "more than its 512 MB of memory" in cells[1].text
        for name in ("my-event", "everyone"):
            wait(driver).until(
                lambda d, name=name: name in d.find_element(By.CSS_SELECTOR, ".jp-DirListing").text
            )
