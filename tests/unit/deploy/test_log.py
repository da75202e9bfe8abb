"""The log of a deployment."""

from __future__ import annotations

import stat

from divebell.deploy.log import KEPT, Log, log_lines


def test_what_a_failed_task_said_is_in_the_log(event_folder):
    log = Log(event_folder.state, "deploy")
    log.add({"kind": "task", "role": "engine", "task": "Install"})
    log.add(
        {
            "kind": "result",
            "status": "failed",
            "result": {"stderr": "one\ntwo", "rc": 1},
            "items": [{"msg": "x"}],
        }
    )
    log.close()
    text = log.file.read_text()
    for words in ("engine: Install", "stderr: one", "stderr: two", "msg: x"):
        assert words in text
    assert stat.S_IMODE(log.file.stat().st_mode) == 0o600


def test_a_task_that_changed_nothing_is_one_word():
    line = {"kind": "result", "status": "ok", "result": {"stdout": "long"}, "items": []}
    assert list(log_lines(line)) == ["  ok"]


def test_old_logs_go(event_folder):
    event_folder.state.logs.mkdir()
    for number in range(KEPT + 5):
        (event_folder.state.logs / f"deploy-20200101-{number:06}.log").touch()
    Log(event_folder.state, "deploy").close()
    assert len(list(event_folder.state.logs.glob("deploy-*.log"))) == KEPT
