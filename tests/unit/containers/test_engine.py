"""The door to the Docker engine."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from divebell.containers import engine
from divebell.errors import DivebellError


def test_no_engine_is_told_with_the_place_and_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert not engine.answers()
    with pytest.raises(DivebellError, match=r"none\.sock: there is none") as told:
        engine.connect()
    assert "apt-get install" in told.value.next_step


def test_an_engine_that_hangs_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/hangs.sock")
    monkeypatch.setattr(engine, "SECONDS_TO_ANSWER", 1)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{tmp_path}/hangs.sock")
        listening.listen()
        begun = time.monotonic()
        assert not engine.answers()
    assert time.monotonic() - begun < 40  # Docker's client would wait for 60


def test_something_that_is_no_engine_is_none(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{listening.getsockname()[1]}")
        answering = threading.Thread(target=_hang_up, args=[listening])
        answering.start()
        with pytest.raises(DivebellError, match="no container engine answers at tcp://"):
            engine.connect(60)
        answering.join(60)


def _hang_up(listening):
    connection, _ = listening.accept()
    connection.recv(65536)
    connection.sendall(b"nonsense\r\n\r\n")
    connection.close()
