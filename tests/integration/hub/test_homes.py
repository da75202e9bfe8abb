"""The helper that makes homes, at a real socket, asked by real accounts."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from divebell.containers.box import Box
from divebell.errors import DivebellError
from divebell.hub.spawner import homes
from divebell.hub.spawner.accounts import ensure_home

NOBODY = 65534


@pytest.fixture
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("homes")
    for path in (made, *made.parents):
        if path.stat().st_mode & 0o005 != 0o005 and path.stat().st_uid == os.geteuid():
            path.chmod(path.stat().st_mode | 0o055)
    return made


@pytest.fixture
def made(folder):
    """What was asked for."""
    return []


@pytest.fixture
def address(folder, made):
    """A helper that makes real homes below the folder, for `nobody` and root."""

    def make(name: str) -> Box:
        made.append(name)
        if name == "unlucky":
            raise DivebellError("the disk is full", next_step="make room")
        if name == "broken":
            raise RuntimeError("oops")
        home = ensure_home(folder / "homes", name)
        return Box(name, home.uid, home.gid, home.folder, folder, folder, folder, None, None, {"a": "b"})

    path = folder / "socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o666)
        listening.listen()
        allowed = frozenset({os.geteuid(), NOBODY})

        def serve() -> None:
            with contextlib.suppress(OSError):  # the end of the test
                homes.serve(listening, allowed, make)

        serving = threading.Thread(target=serve)
        serving.start()
        yield path
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


def said(address: Path, words: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(60)
        asking.connect(str(address))
        asking.sendall(words)
        answer: dict[str, object] = json.loads(asking.makefile().readline())
        return answer


def test_a_home_is_made_and_what_its_container_mounts_comes_back(address, folder):
    box = homes.ask(address, "ana")
    assert box.home == folder / "homes" / "ana"
    assert box.home.stat().st_uid == box.uid
    assert (box.public, box.certificates, box.hosts) == (None, None, {"a": "b"})
    assert homes.ask(address, "ana") == box


@pytest.mark.parametrize(
    "words",
    [
        b"ana\n",
        b'"ana"\n',
        b'{"name": "../../etc"}\n',
        b'{"name": "Ana"}\n',
        b'{"name": ["ana"]}\n',
        b'{"name": "ana", "uid": 0}\n',
        b'{"name": "ana\\n"}\n',
        b"{}\n",
    ],
)
def test_nothing_but_a_name_is_taken(address, made, words):
    assert "not understood" in str(said(address, words)["error"])
    assert made == []


def test_a_question_without_an_end_is_left_without_an_answer(address, made):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(address))
        asking.sendall(b"x" * 10_000)
        asking.settimeout(60)
        with contextlib.suppress(ConnectionResetError):
            assert asking.recv(1) == b""
    assert made == []


def test_the_reason_comes_back_in_words_and_the_next_one_is_served(address):
    with pytest.raises(DivebellError, match="the disk is full"):
        homes.ask(address, "unlucky")
    with pytest.raises(DivebellError, match="RuntimeError: oops"):
        homes.ask(address, "broken")
    assert homes.ask(address, "ana").name == "ana"


def test_a_helper_that_is_away_is_told_in_words(folder):
    with pytest.raises(DivebellError, match="does not answer"):
        homes.ask(folder / "nobody", "ana")


_ASK = """
import json, socket, sys
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    asking.sendall(b'{"name": "ana"}\\n')
    print(asking.makefile().readline())
"""


@pytest.mark.root
@pytest.mark.parametrize(("account", "served"), [("nobody", True), ("daemon", False)])
def test_only_the_hubs_account_is_served(address, account, served):
    entry = pwd.getpwnam(account)
    ids = ["--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), "--clear-groups"]
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    command = ["setpriv", *ids, python, "-c", _ASK, str(address)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout.strip().startswith('{"name": "ana"') is served, done.stderr


@pytest.mark.root
def test_two_homes_made_at_once_never_share_an_account(folder):
    names = [f"person_{number}" for number in range(40)]
    threads = [threading.Thread(target=ensure_home, args=(folder / "homes", name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(folder / "homes" / name).stat().st_uid for name in names}) == len(names)
