"""Accounts of the machine, checked by the real PAM over HTTP through the proxy.

The hub sees its own /etc/passwd, /etc/shadow and /etc/group (mounted over the machine's for it alone).
"""

from __future__ import annotations

import asyncio
import json
import pwd
import shlex
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from divebell.database import admin
from divebell.event.people import System
from divebell.hub import pam
from divebell.hub.login import system
from divebell.hub.login.visit import Attempt, RefusedError, Visit

pytestmark = pytest.mark.root

EVENT = """\
name: Housing DataDive
people:
  sign_in: system
  ambassadors: [boss]
  system:
    group: divers
data:
  repository: repository
"""
PASSWORD = "three words here"
ACCOUNTS = {  # login: uid, shell
    "ana": (3001, "/bin/bash"),
    "Bea.Smith": (3002, "/bin/sh"),
    "bea_smith": (3003, ""),
    "admin": (3004, "/bin/bash"),
    "boss": (3005, "/bin/bash"),
    "outsider": (3006, "/bin/bash"),
    "daemonic": (800, "/bin/bash"),
    "robot": (3007, "/usr/sbin/nologin"),
    "blank": (3008, "/bin/bash"),
}
DIVERS = [login for login in ACCOUNTS if login != "outsider"]


def hashed(password):
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def on_the_machine(tmp_path_factory):
    """Give the prefix that runs a command on a machine with the accounts above."""
    etc = tmp_path_factory.mktemp("etc")
    right = hashed(PASSWORD)
    lines = {name: Path("/etc", name).read_text() for name in ("passwd", "group", "shadow")}
    lines["shadow"] = "".join(
        f"root:{right}:19000:0:99999:7:::\n" if line.startswith("root:") else line
        for line in lines["shadow"].splitlines(keepends=True)
    )
    for login, (uid, shell) in ACCOUNTS.items():
        lines["passwd"] += f"{login}:x:{uid}:{uid}::/nonexistent:{shell}\n"
        lines["shadow"] += f"{login}:{'' if login == 'blank' else right}:19000:0:99999:7:::\n"
    lines["group"] += f"divers:x:4000:{','.join(DIVERS)}\n"
    mounts = []
    for name, text in lines.items():
        (etc / name).write_text(text)
        (etc / name).chmod(0o640 if name == "shadow" else 0o644)
        mounts.append(shlex.join(["mount", "--bind", str(etc / name), f"/etc/{name}"]))
    return ["unshare", "--mount", "sh", "-c", " && ".join([*mounts, 'exec "$@"']), "sh"]


@pytest.fixture(scope="module")
def hub(start_hub, on_the_machine):
    with start_hub(EVENT, on_the_machine) as running:
        yield running


def test_an_account_of_the_machine_signs_in_from_any_browser(browser):
    for _ in range(2):
        ana = browser()
        assert ana.sign_in(" ana ", PASSWORD).status_code == 302
        assert ana.who() == "ana"
    assert browser("127.0.3.1").sign_in("ana", PASSWORD.upper()).status_code == 403


def test_a_login_that_is_no_name_gets_one_that_stays(hub, browser):
    first = browser()
    assert first.sign_in("Bea.Smith", PASSWORD).status_code == 302
    assert first.who() == "bea_smith"
    second = browser()
    assert second.sign_in("bea_smith", PASSWORD).status_code == 302
    assert second.who() == "bea_smith_2"
    assert browser().sign_in("Bea.Smith", PASSWORD).status_code == 302
    with admin(hub.folder.state) as database:
        known = database.execute("SELECT name, identity FROM people.person WHERE name ^@ 'bea'").fetchall()
    assert sorted(known) == [("bea_smith", "system:Bea.Smith"), ("bea_smith_2", "system:bea_smith")]
    one = browser()
    one.sign_in("admin", PASSWORD)
    assert one.who() == "person_admin"


REFUSED = [
    ("root", PASSWORD),
    ("daemonic", PASSWORD),
    ("robot", PASSWORD),
    ("blank", ""),
    ("blank", "x"),
    ("nobody", ""),
    ("nobody_there", PASSWORD),
    ("boss", PASSWORD),
    ("outsider", PASSWORD),
    ("ana\n", PASSWORD + "\0more"),
    ("ana", "pässwörd-密码-\U0001f600"),
    ("ana:x", PASSWORD),
    ("-ana", PASSWORD),
    ("../ana", PASSWORD),
    ("a" * 300, PASSWORD),
    ("ａna", PASSWORD),
]


@pytest.mark.parametrize(("login", "password"), REFUSED)
def test_whoever_is_no_person_of_the_group_is_refused(browser, login, password):
    one = browser(f"127.0.4.{1 + REFUSED.index((login, password))}")  # each is slowed by itself alone
    assert one.sign_in(login, password).status_code == 403
    assert one.who() is None


def test_an_ambassador_signs_in_with_the_events_own_password_alone(hub, browser):
    boss = browser()
    assert boss.sign_in("boss", hub.folder.secrets.ambassadors["boss"]).status_code == 302
    assert boss.who() == "boss"


def test_no_password_of_the_machine_is_in_a_log(hub):
    assert PASSWORD not in hub.log("hub") + hub.log("proxy")


def ask(address, **words):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(120)
        asking.connect(str(address))
        asking.sendall(json.dumps(words).encode() + b"\n")
        try:
            return json.loads(asking.makefile().readline() or "null")
        except ConnectionResetError:  # it went away without reading everything
            return None


def as_account(login, address):
    """Give what the helper says to an account of the machine."""
    program = "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(120);"
    words = json.dumps({"login": "ana", "password": PASSWORD}) + "\n"
    program += f"s.connect({str(address)!r}); s.sendall({words.encode()!r}); print(s.recv(99))"
    command = ["/usr/bin/python3", "-c", program]
    uid = pwd.getpwnam(login).pw_uid
    return subprocess.run(command, user=uid, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def helper(make_event_folder, tmp_path, on_the_machine):
    """Give the address of a socket at which each connection starts the helper, as systemd does."""
    folder = make_event_folder(tmp_path / "event", event_yaml=EVENT)
    address = tmp_path / "passwords.sock"
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_mode & 0o005 != 0o005:
            path.chmod(path.stat().st_mode | 0o055)
    command = [sys.executable, "-m", "divebell.hub.pam_helper", str(folder.folder), "mail"]
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        address.chmod(0o666)
        listening.listen()

        def serve():
            while True:
                try:
                    asking, _ = listening.accept()
                except OSError:  # the end of the test
                    return
                with asking:
                    subprocess.run([*on_the_machine, *command], stdin=asking, check=False)

        serving = threading.Thread(target=serve)
        serving.start()
        yield address
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


def test_the_helper_of_a_server_checks_for_the_hubs_account_alone(helper):
    assert ask(helper, login="ana", password=PASSWORD) == {"verdict": "right", "login": "ana"}
    assert ask(helper, login="ana", password="wrong")["verdict"] == "wrong"
    assert ask(helper, login="root", password=PASSWORD)["verdict"] == "wrong"
    assert ask(helper, login="outsider", password=PASSWORD)["verdict"] == "shut out"
    assert ask(helper, login="ana", password=["x"]) is None
    assert ask(helper, login="ana", password=PASSWORD, service="su") is None
    assert "right" in as_account("mail", helper)
    assert "right" not in as_account("nobody", helper)


def test_the_hub_of_a_server_asks_the_helper(helper):
    asked = system.ask_helper(helper)
    assert asyncio.run(asked("Bea.Smith", PASSWORD)).login == "Bea.Smith"
    assert asyncio.run(asked("ana", "wrong")).verdict is pam.Verdict.WRONG
    away = system.ask_helper(helper.with_name("nobody.sock"))
    assert asyncio.run(away("ana", PASSWORD)).verdict is pam.Verdict.BROKEN


def test_without_root_only_the_own_account_signs_in_and_that_is_said():
    way = system.SystemAccounts(system.ask_here(System()), only="ana")
    visit = Visit("10.0.0.1", "d" * 43)
    with pytest.raises(RefusedError, match="so only ana can sign in"):
        asyncio.run(way.judge(None, Attempt("bea", PASSWORD, "", visit), known=False))


def with_changed(on_the_machine, folder, file, change):
    """Give the prefix that runs a command on the machine with one of its files changed."""
    done = subprocess.run(
        [*on_the_machine, "cat", f"/etc/{file}"], capture_output=True, text=True, check=True
    )
    changed = folder / file
    changed.write_text("\n".join(filter(None, map(change, done.stdout.splitlines()))) + "\n")
    changed.chmod(0o640)
    mount = shlex.join(["mount", "--bind", str(changed), f"/etc/{file}"])
    return [*on_the_machine, "sh", "-c", f'{mount} && exec "$@"', "sh"]


def gone(prefix, *logins, group="divers"):
    asked = {"logins": logins, "service": "login", "group": group}
    done = subprocess.run(
        [*prefix, sys.executable, "-I", pam.__file__],
        input=json.dumps(asked).encode(),
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def of_ana(password, rest=":19000:0:99999:7:::"):
    return lambda line: f"ana:{password}{rest}" if line.startswith("ana:") else line


def test_who_signed_in_and_has_not_changed_stays(on_the_machine):
    assert gone(on_the_machine, "ana", "Bea.Smith") == []
    assert gone(on_the_machine, "ana", "outsider", "robot", "daemonic", "nobody_there") == [
        "outsider",
        "robot",
        "daemonic",
        "nobody_there",
    ]
    assert gone(on_the_machine, "outsider", group=None) == []


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("passwd", lambda line: None if line.startswith("ana:") else line),
        ("passwd", lambda line: line.replace("/bin/bash", "/bin/false") if line.startswith("ana:") else line),
        ("group", lambda line: line.replace("ana,", "") if line.startswith("divers:") else line),
        ("shadow", of_ana("!$6$salt$locked")),
        ("shadow", of_ana("$6$salt$expired", ":19000:0:99999:7::19001:")),
    ],
    ids=["removed", "without a shell", "out of the group", "locked", "expired"],
)
def test_an_account_that_the_machines_owner_takes_away_is_gone(on_the_machine, tmp_path, file, change):
    changed = with_changed(on_the_machine, tmp_path, file, change)
    assert gone(changed, "ana", "Bea.Smith") == ["ana"]


@pytest.mark.parametrize("password", ["!", "*", "!!", "!*"])
def test_an_account_whose_password_lies_elsewhere_is_not_taken_for_locked(on_the_machine, tmp_path, password):
    assert gone(with_changed(on_the_machine, tmp_path, "shadow", of_ana(password)), "ana") == []


def test_a_password_that_is_to_be_changed_ends_no_session(on_the_machine, tmp_path):
    must = with_changed(on_the_machine, tmp_path, "shadow", of_ana("$6$salt$old", ":0:0:99999:7:::"))
    assert gone(must, "ana") == []


def test_the_helper_says_who_is_gone_and_an_absent_one_signs_nobody_out(helper):
    find = system.find_with_helper(helper)
    assert asyncio.run(find(["ana", "outsider", "-rf", "nobody_there"])) == ["outsider", "nobody_there"]
    many = [f"person_{number:055}" for number in range(500)]
    assert asyncio.run(find(["ana", *many])) == many
    assert asyncio.run(system.find_with_helper(helper.with_name("nobody.sock"))(["ana"])) == []
    assert ask(helper, logins="ana") is None
    assert ask(helper, logins=["ana"], service="su") is None
