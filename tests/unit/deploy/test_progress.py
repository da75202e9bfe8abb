"""How far a play is, from what the callback tells."""

from __future__ import annotations

from divebell.deploy.progress import Progress
from divebell.deploy.steps import Step

STEPS = (Step("base", "the base"), Step("engine", "the engine"))


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def task(role, name="do it"):
    return {"kind": "task", "role": role, "task": name}


def result(role, status, name="do it", **returned):
    return {"kind": "result", "status": status, "role": role, "task": name, "result": returned, "items": []}


def played(*lines):
    progress = Progress(STEPS, clock=Clock())
    return progress, [done for line in lines for done in progress.read(line)]


def test_each_step_is_told_once_with_its_time_and_changes():
    clock = Clock()
    progress = Progress(STEPS, clock=clock)
    progress.read(task("base"))
    progress.read(result("base", "changed"))
    clock.now = 24
    (first,) = progress.read(task("engine"))
    assert (first.number, first.step.role, first.seconds, first.changes) == (1, "base", 24, 1)
    clock.now = 30
    (second,) = progress.read({"kind": "exit", "code": 0})
    assert (second.step.role, second.seconds, second.changes) == ("engine", 6, 0)
    assert progress.finished


def test_what_belongs_to_no_role_is_no_step():
    progress, done = played(task(""), task("base"), task(""), task("base"))
    assert not done
    assert progress.number == 1


def test_a_handler_of_an_earlier_step_does_not_lead_back():
    progress, done = played(task("base"), task("engine"), task("base"))
    assert [each.step.role for each in done] == ["base"]
    assert progress.step == STEPS[1]


def test_the_task_that_failed_is_kept():
    progress, done = played(
        task("base"), result("base", "failed", "install", msg="no"), {"kind": "exit", "code": 2}
    )
    assert not done
    assert progress.failed is not None
    assert (progress.failed.step, progress.failed.task) == (STEPS[0], "install")
    assert not progress.finished


def test_a_failure_that_the_playbook_copes_with_is_none():
    progress, _ = played(task("base"), result("base", "failed"), {"kind": "exit", "code": 0})
    assert progress.failed is None


def test_an_end_without_a_failed_task_is_a_failure_too():
    progress, _ = played(task("base"), {"kind": "exit", "code": 4})
    assert progress.failed is not None
    assert progress.failed.status == "ended"


def test_what_the_roles_want_to_be_known_is_kept():
    progress, _ = played({"kind": "end", "changed": 0, "told": {"warnings": ["self-signed"]}})
    assert progress.told == {"warnings": ["self-signed"]}


def test_a_change_of_a_file_names_the_lines():
    diff = {"before": "a\nb\n", "after": "a\nc\n", "after_header": "/etc/x"}
    progress, _ = played(result("base", "changed", diff=[diff]))
    assert progress.changes[0].diff == ("/etc/x", "- b", "+ c")
