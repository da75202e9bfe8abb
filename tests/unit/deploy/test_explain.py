"""Why a deployment ended, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from divebell.deploy.explain import failure, reason_of
from divebell.deploy.host import Host
from divebell.deploy.progress import Failed
from divebell.deploy.steps import Step

HOST, LOG = Host("h", "root"), Path("/e/.divebell/logs/deploy.log")
STEP = Step("engine", "the engine")


def failed(items=(), status="failed", **returned):
    return Failed(STEP, "Install it", status, returned, items)


def test_the_error_names_step_task_reason_log_and_next_step():
    error = failure(failed(msg="No space left on device"), HOST, LOG)
    assert "engine: Install it failed" in error.message
    assert "No space left on device" in error.message
    assert str(LOG) in error.message
    assert "ssh root@h df -h" in str(error.next_step)
    assert "goes on from there" in str(error.next_step)


def test_what_a_command_printed_says_more_than_its_code():
    assert (
        reason_of(failed(msg="non-zero return code", rc=1, stderr="it is broken", stdout="x"))
        == "it is broken"
    )


def test_the_item_that_failed_speaks():
    items = ({"msg": "fine"}, {"failed": True, "msg": "bad file"})
    assert reason_of(failed(items, msg="One or more items failed")) == "bad file"


def test_a_task_that_holds_secrets_says_no_more_than_that():
    assert "secrets" in reason_of(failed(censored="the output has been hidden"))


def test_only_the_last_lines_are_shown():
    assert reason_of(failed(stderr="\n".join(map(str, range(100))))).splitlines()[0] == "88"


def test_a_task_that_says_nothing_has_its_code():
    assert reason_of(failed(rc=3)) == "it ended with code 3"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("E: Failed to fetch http://x Temporary failure resolving 'x'", "apt-get update"),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend", "dpkg --configure -a"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "pip's settings"),
        ("ERROR: No matching distribution found for x", "pip.conf"),
        ("divebell: the port is taken\n  -> stop what listens there", "stop what listens there"),
        ("whatever", "put right what it says"),
    ],
)
def test_what_can_be_done_depends_on_the_reason(reason, words):
    assert words in str(failure(failed(msg=reason), HOST, LOG).next_step)


def test_a_lost_connection_is_told_as_one():
    error = failure(failed(status="unreachable", msg="Connection timed out"), HOST, LOG)
    assert error.message.startswith("the connection was lost")
