"""Following while a server runs: at each new stamp, once, whatever goes wrong."""

import asyncio
import contextlib
import subprocess
import sys

import pytest

from divebell.workspace import watch as watching
from divebell.workspace.copy_plan import STAMP
from divebell.workspace.own_copy import FOLDER
from divebell.workspace.room import Room
from divebell.workspace.watch import Watch

ENDS = """
import asyncio, sys, time
from pathlib import Path
from divebell.workspace import watch
begun = asyncio.Event()
watch.follow = lambda *where, **how: (loop.call_soon_threadsafe(begun.set), time.sleep(3600))
async def run():
    global loop
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(watch.Watch(Path(), Path(), print).run())
    await begun.wait()
    task.cancel()
asyncio.run(run())
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(watching, "AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(Room, "of", lambda folder: Room(100 << 30, 50 << 30))


@pytest.fixture
def event(tmp_path):
    (tmp_path / "event").mkdir()
    (tmp_path / "home").mkdir()
    return tmp_path / "event"


def put(event, stamp, **files):
    for name, text in files.items():
        (event / f"{name}.txt").write_text(text)
    new = event / f"{STAMP}.divebell-new"
    new.write_text(stamp)
    new.replace(event / STAMP)


async def until(happened):
    for _ in range(3000):
        if happened():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")


def while_watching(event, story, report=lambda _: None):
    """Let a copy be watched while `story(watch, told)` runs."""
    told = []

    async def run():
        watch = Watch(event, event.parent / "home", told.append, report)
        task = asyncio.create_task(watch.run())
        try:
            await story(watch, told)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_a_new_stamp_brings_what_is_new(event):
    put(event, "1", a="one")
    copy = event.parent / "home" / FOLDER

    async def story(watch, told):
        await until((copy / "a.txt").exists)
        put(event, "2", a="two", b="new")
        await until(lambda: (copy / "b.txt").exists() and (copy / "a.txt").read_text() == "two")
        await until(lambda: told[-1].arrived.added == ("b.txt",))
        assert told[-1].arrived.updated == ("a.txt",)

    while_watching(event, story)


def test_nothing_is_looked_at_while_the_stamp_stays(event, monkeypatch):
    put(event, "1", a="one")
    passes = []
    follow = watching.follow
    monkeypatch.setattr(
        watching, "follow", lambda *where, **how: passes.append(where) or follow(*where, **how)
    )

    async def story(watch, told):
        await until(lambda: told)
        (event / "b.txt").write_text("half of a change")
        await asyncio.sleep(0.5)
        assert len(passes) == 1
        put(event, "2")
        await until(lambda: len(passes) == 2)
        await watch.look()
        assert len(passes) == 3

    while_watching(event, story)


def test_a_look_that_fails_is_made_again(event, monkeypatch, capsys):
    put(event, "1", a="one")
    failures = [ValueError("odd"), OSError("odd")]
    follow = watching.follow
    monkeypatch.setattr(
        watching,
        "follow",
        lambda *where, **how: (_ for _ in ()).throw(failures.pop()) if failures else follow(*where, **how),
    )

    async def story(watch, told):
        await until((event.parent / "home" / FOLDER / "a.txt").exists)

    while_watching(event, story)
    assert capsys.readouterr().err.count("odd") >= 2


def test_an_event_that_does_not_listen_is_told_later(event):
    put(event, "1", a="one")
    reports = []

    def report(standing):
        reports.append(standing)
        if len(reports) == 1:
            raise OSError("away")

    async def story(watch, told):
        await until(lambda: reports)
        await watch.look()
        assert len(reports) == 2
        await watch.look()
        assert len(reports) == 2

    while_watching(event, story, report)


def test_a_server_that_ends_does_not_wait_for_a_long_copy():
    assert subprocess.run([sys.executable, "-c", ENDS], check=False, timeout=120).returncode == 0
