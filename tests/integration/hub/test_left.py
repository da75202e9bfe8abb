"""Whoever does not belong to the event any more, for whatever reason, is signed out while they work."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from divebell.database import admin, connect
from divebell.event.people import GitHub
from divebell.hub.login import authenticator, github_people
from divebell.hub.login.door import Door
from divebell.hub.login.github import Gate
from divebell.hub.login.github_api import Account
from divebell.hub.login.system import Looking
from divebell.hub.login.visit import Identity, RefusedError, Visit


@pytest.fixture
def door(empty_cluster):
    return Door(empty_cluster.event, empty_cluster.secrets, lambda: connect(empty_cluster.state, "event_hub"))


def come(door, key, name):
    welcome = asyncio.run(door.admit(Visit("10.0.0.1", "d" * 43), Identity(key, key.partition(":")[0], name)))
    return welcome.name


def lost(door, name):
    return asyncio.run(door.has_lost(name))


class Machine:
    """What the machine says of its accounts."""

    def __init__(self):
        self.gone, self.asked, self.stopped = [], [], []

    async def find(self, logins):
        self.asked.append(list(logins))
        return list(self.gone)

    async def stop(self, name):
        self.stopped.append(name)


def test_whose_account_the_machine_takes_away_is_signed_out_and_nobody_else(door, empty_cluster):
    machine = Machine()
    looking = Looking(door, machine.find, machine.stop)
    assert come(door, "system:Ana.B", "Ana.B") == "ana_b"
    come(door, "system:quinn", "quinn")
    come(door, "github:1", "rosa")
    with admin(empty_cluster.state) as database:
        database.execute("INSERT INTO tokens.token (name, label, hash) VALUES ('ana_b', 'QGIS', sha256('x'))")
    asyncio.run(looking.look())
    assert machine.asked == [["Ana.B", "quinn"]]
    machine.gone = ["Ana.B"]
    asyncio.run(looking.look())
    assert not lost(door, "ana_b")  # a directory may miss one answer
    assert machine.stopped == []
    asyncio.run(looking.look())
    assert machine.stopped == ["ana_b"]
    assert [lost(door, name) for name in ("ana_b", "quinn", "rosa")] == [True, False, False]
    with admin(empty_cluster.state) as database:
        assert database.execute("SELECT FROM tokens.token").fetchall() == []
    asyncio.run(looking.look())
    assert machine.asked[-1] == ["quinn"]
    come(door, "system:Ana.B", "Ana.B")  # the machine's owner has unlocked the account
    machine.gone = []
    asyncio.run(looking.look())
    assert not lost(door, "ana_b")


def test_a_single_missed_answer_signs_nobody_out(door):
    machine = Machine()
    looking = Looking(door, machine.find, machine.stop)
    come(door, "system:ana", "ana")
    for gone in [["ana"], [], ["ana"], []]:
        machine.gone = gone
        asyncio.run(looking.look())
    assert not lost(door, "ana")


def test_an_ambassador_with_an_account_of_the_machine_is_not_looked_at(door, empty_cluster):
    machine = Machine()
    looking = Looking(door, machine.find, machine.stop)
    come(door, "system:ana", "ana")
    with admin(empty_cluster.state) as database:
        database.execute(
            "INSERT INTO people.ambassador (name, password_hash, made_by) VALUES ('ana', 'x', 'y')"
        )
    machine.gone = ["ana"]
    for _ in range(3):
        asyncio.run(looking.look())
    assert machine.asked == []
    assert not lost(door, "ana")


def test_whoever_the_event_file_has_ceased_to_list_is_looked_at_at_once(door, empty_cluster):
    for number, login in ((7, "lena"), (8, "mia")):
        come(door, f"github:{number}", login)
        with connect(empty_cluster.state, "event_hub") as database:
            github_people.remember(database, Account(number, login, {}), login, None)
    listed = GitHub(client_id="Iv1.0123456789abcdef", people=("Mia",))
    machine = Machine()
    gate = Gate(door, listed, client=None, seal=github_people.Seal("x"), stop=machine.stop)
    asyncio.run(gate.look_again())
    assert not lost(door, "lena")  # GitHub's answers hold for a while, and need not be asked for again
    asyncio.run(door.ask(github_people.hurry, gate.people))
    asyncio.run(gate.look_again())
    assert [lost(door, name) for name in ("lena", "mia")] == [True, False]
    assert machine.stopped == ["lena"]


def test_whoever_is_removed_is_out_at_the_next_look_and_not_let_in_again(door, empty_cluster):
    come(door, "system:ana", "ana")
    with admin(empty_cluster.state) as database:
        assert database.execute("SELECT people.remove('ana', 'maria')").fetchone() == ("yes",)
    assert lost(door, "ana")
    with pytest.raises(RefusedError, match="cannot sign in here any more"):
        come(door, "system:ana", "ana")


def test_every_server_that_runs_is_stopped_and_one_that_does_not_stop_keeps_none_of_the_others(monkeypatch):
    done, said = [], []
    servers = [
        SimpleNamespace(name=name, ready=ready) for name, ready in (("", True), ("b", False), ("c", True))
    ]

    async def leave(user, server):
        done.append(("route", server))

    async def stop(server):
        done.append(("server", server))
        if server == "":
            raise TimeoutError("it hangs")

    ana = SimpleNamespace(spawners={one.name: one for one in servers}, stop=stop)
    hub = SimpleNamespace(
        users={"ana": ana},
        proxy=SimpleNamespace(delete_user=leave),
        log=SimpleNamespace(exception=lambda *words: said.append(words)),
    )
    monkeypatch.setattr(authenticator.JupyterHub, "instance", lambda: hub)
    asyncio.run(authenticator.stop_server("ana"))
    asyncio.run(authenticator.stop_server("nobody"))
    assert done == [("route", ""), ("server", ""), ("route", "c"), ("server", "c")]
    assert len(said) == 1
