"""A runner of GitHub's for one job: the steps of a workflow file in order, as GitHub's own runs them here.

`uses:` knows the two actions that divebell's workflow names. What GitHub would know is given to `run_job`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
"""Source: GitHub, "Workflow syntax", jobs.<job_id>.steps[*].shell."""
_EXPRESSION = re.compile(r"\$\{\{ secrets\.(\w+) \}\}")


@dataclass(frozen=True)
class Occasion:
    """What made the job run."""

    repository: Path
    commit: str
    event: Mapping[str, Any]
    name: str = "push"
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Step:
    """How one step went; `environment` is what it was told besides the runner's own variables."""

    name: str
    ran: bool
    code: int = 0
    log: str = ""
    summary: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def annotations(self) -> list[str]:
        """What GitHub would take for a command, outside of `stop-commands`."""
        found, mark = [], None
        for line in map(str.lstrip, self.log.splitlines()):
            if mark is not None:
                mark = None if line == f"::{mark}::" else mark
            elif line.startswith("::stop-commands::"):
                mark = line.removeprefix("::stop-commands::")
            elif line.startswith("::") or "##[" in line:
                found.append(line)
        return found


@dataclass
class Job:
    """How a job went."""

    steps: dict[str, Step]

    @property
    def succeeded(self) -> bool:
        return all(step.code == 0 for step in self.steps.values())


def run_job(workflow: str, occasion: Occasion, folder: Path) -> Job:
    """Run the only job of a workflow in `folder`, which must be empty."""
    known = YAML(typ="safe").load(workflow)
    [job] = known["jobs"].values()
    assert known["defaults"]["run"]["shell"] == "bash"
    (folder / "work").mkdir(parents=True)
    outer = _environment(occasion, folder)
    done: dict[str, Step] = {}
    for number, step in enumerate(job["steps"]):
        ran = _runs(step, done, occasion)
        done[step["name"]] = result = Step(step["name"], ran)
        if ran and "uses" in step:
            _use(step, occasion, folder / "work")
        elif ran:
            _run(step, occasion, result, (folder / f"step{number}", outer))
    return Job(done)


def _runs(step: dict[str, Any], done: Mapping[str, Step], occasion: Occasion) -> bool:
    """Decide `if:`; of expressions only the one that divebell writes is known."""
    good = all(one.code == 0 for one in done.values())
    if "if" not in step:
        return good
    words = step["if"].removeprefix("${{ ").removesuffix(" }}")
    assert words == "!cancelled() && github.event_name == 'push' && steps.install.outcome == 'success'"
    install = done["Install divebell"]
    return occasion.name == "push" and install.ran and install.code == 0


def _environment(occasion: Occasion, folder: Path) -> dict[str, str]:
    """Give the variables that a runner sets, and nothing of this process's but where programs are."""
    (folder / "event.json").write_text(json.dumps(occasion.event))
    programs = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": occasion.name,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_REF": "refs/heads/main" if occasion.name == "push" else "refs/pull/1/merge",
        "GITHUB_SHA": occasion.commit,
        "GITHUB_WORKSPACE": str(folder / "work"),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PATH": programs,
        "PIP_NO_DEPS": "1",  # what is asked for has to be here, in this version, with what the lock file names
        "PIP_NO_INDEX": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "RUNNER_TEMP": str(folder),
    }


def _use(step: dict[str, Any], occasion: Occasion, work: Path) -> None:
    action = step["uses"].partition("@")[0]
    if action == "actions/setup-python":
        return
    assert action == "actions/checkout"
    assert step["with"] == {"fetch-depth": 0, "filter": "blob:none", "persist-credentials": False}
    remote = f"file://{occasion.repository}"
    for words in (
        ("init", "--quiet", "."),
        ("remote", "add", "origin", remote),
        (
            "-c",
            "protocol.version=2",
            "fetch",
            "--quiet",
            "--filter=blob:none",
            "origin",
            "+refs/*:refs/remotes/origin/*",
        ),
        ("checkout", "--quiet", "--detach", occasion.commit),
        ("remote", "set-url", "origin", "https://git.invalid/not/reached.git"),  # no credentials are left
    ):
        subprocess.run(["git", "-C", str(work), *words], check=True, capture_output=True)


def _run(step: dict[str, Any], occasion: Occasion, result: Step, place: tuple[Path, dict[str, str]]) -> None:
    folder, outer = place
    folder.mkdir()
    script, summary = folder / "script.sh", folder / "summary.md"
    script.write_text(step["run"])
    result.environment = {
        name: _EXPRESSION.sub(lambda found: occasion.secrets.get(found[1], ""), text)
        for name, text in step.get("env", {}).items()
    }
    files = {name: str(folder / name.lower()) for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH")}
    done = subprocess.run(
        [*SHELL, str(script)],
        cwd=outer["GITHUB_WORKSPACE"],
        env={**outer, **files, "GITHUB_STEP_SUMMARY": str(summary), **result.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    result.code, result.log = done.returncode, done.stdout.decode("utf-8", "backslashreplace")
    result.summary = summary.read_text() if summary.exists() else ""
    assert not [name for name in files if os.path.lexists(folder / name.lower())]
