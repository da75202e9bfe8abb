"""An Ansible callback: what happens, as JSON, one line each. `divebell.deploy.progress` reads it.

Ansible blanks what a task with `no_log` returns before it comes here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
  name: divebell_lines
  type: stdout
  short_description: one JSON object a line
  description: What tasks begin and how they end, for a program to read.
"""

_TOLD = ("msg", "stdout", "stderr", "module_stderr", "module_stdout", "cmd", "rc", "censored", "item", "diff")


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Prints a line when a task begins and one when it ends."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "divebell_lines"

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002
        """Tell what begins."""
        self._tell(kind="task", role=_role(task), task=task.name)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Tell what begins because something has changed."""
        self._tell(kind="task", role=_role(task), task=task.name)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Tell what was done."""
        self._tell_result("changed" if result.is_changed() else "ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Tell what failed."""
        self._tell_result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Tell that the server is away."""
        self._tell_result("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Tell what was not needed."""
        self._tell(kind="result", status="skipped", role=_role(result.task), task=result.task.name)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Tell what it came to, and what the roles want a person to know."""
        counts = [stats.summarize(host) for host in sorted(stats.processed)]
        changed = sum(count["changed"] for count in counts)
        self._tell(kind="end", changed=changed, told=stats.custom.get("_run", {}))

    def _tell_result(self, status: str, result: Any) -> None:
        found = _told(result.result)
        items = [_told(each) for each in result.result.get("results", ()) if isinstance(each, dict)]
        self._tell(
            kind="result",
            status=status,
            role=_role(result.task),
            task=result.task.name,
            result=found,
            items=items if not found.get("censored") else [],
        )

    def _tell(self, **line: Any) -> None:
        try:
            print(json.dumps(line, default=str), flush=True)
        except BrokenPipeError:  # nobody follows any more: do not go on unseen
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
            os.kill(os.getpid(), signal.SIGTERM)


def _role(task: Any) -> str:
    return task._role.get_name() if task._role else ""  # noqa: SLF001 - Ansible has no other way


def _told(result: dict[str, Any]) -> dict[str, Any]:
    failed = {"failed": True} if result.get("failed") else {}
    changed = {"changed": True} if result.get("changed") else {}
    return {key: result[key] for key in _TOLD if key in result} | failed | changed
