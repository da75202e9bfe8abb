"""Homes and whose they are."""

from __future__ import annotations

import os
import socket

import pytest

from divebell.database.account import FIRST_UID
from divebell.hub.spawner.accounts import ensure_home
from divebell.hub.spawner.running import free_port, identity, listener_uid


def test_a_home_keeps_its_account(tmp_path):
    first, second = ensure_home(tmp_path, "ana"), ensure_home(tmp_path, "bea")
    assert ensure_home(tmp_path, "ana") == first
    assert (first.folder.stat().st_mode & 0o777) == 0o700
    assert (first.uid != second.uid) is (os.geteuid() == 0)


@pytest.mark.root
def test_a_home_made_by_a_hub_that_was_killed_gets_its_account(tmp_path):
    (tmp_path / "ana").mkdir()
    assert ensure_home(tmp_path, "ana").uid >= FIRST_UID


def test_two_events_on_one_machine_share_no_account(tmp_path):
    here, there = ensure_home(tmp_path / "here", "ana"), ensure_home(tmp_path / "there", "ana")
    assert (here.uid != there.uid) is (os.geteuid() == 0)


@pytest.mark.root
def test_a_home_of_an_earlier_version_keeps_its_account(tmp_path):
    (tmp_path / "ana").mkdir()
    os.chown(tmp_path / "ana", 860_001, 860_001)
    assert ensure_home(tmp_path, "ana").uid == 860_001
    assert ensure_home(tmp_path, "bea").uid >= FIRST_UID


def test_a_process_is_known_by_more_than_its_number():
    assert identity(os.getpid()) == identity(os.getpid())
    assert identity(os.getpid()) != identity(os.getppid())


def test_who_listens_is_known_and_a_taken_port_is_passed_over():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listener_uid(port) == os.geteuid()
        assert free_port([port]) is None
    assert listener_uid(port) is None
