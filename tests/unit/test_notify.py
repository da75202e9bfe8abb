"""What a service says to systemd, at a socket as systemd has it."""

from __future__ import annotations

import asyncio
import socket

import pytest

from divebell import notify


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path, monkeypatch):
    address = str(tmp_path / "notify") if request.param == "file" else f"@divebell-{tmp_path.name}-test"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0", 1) if request.param == "abstract" else address)
        listening.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield listening


def test_a_service_says_that_it_lives(manager):
    notify.beat()
    assert manager.recv(100) == b"WATCHDOG=1"


def test_a_loop_that_turns_is_heard_several_times_before_systemd_gives_up(manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "150000")

    async def turn() -> list[bytes]:
        beating = asyncio.create_task(notify.keep_beating())
        heard = [await asyncio.to_thread(manager.recv, 100) for _ in range(3)]
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        return heard

    assert asyncio.run(turn()) == [b"WATCHDOG=1"] * 3
    assert notify.seconds_between_beats() == pytest.approx(0.05)


def test_where_nobody_listens_nothing_happens(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify.beat()
    asyncio.run(notify.keep_beating())
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    notify.beat()
