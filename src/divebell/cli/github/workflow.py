"""The workflow file of a GitHub repository whose branch an event follows."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

MARK = "# Made by `divebell github connect`"
"""How the file begins; one that begins otherwise is somebody's own."""
PLACE = ".github/workflows/divebell.yml"
SECRET = "DIVEBELL_WEBHOOK_SECRET"  # noqa: S105
WAIT_SECONDS = 900
"""How long a run waits for the event; the job's own time is longer."""

CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2"
SETUP_PYTHON = "actions/setup-python@a309ff8b426b58ec0e2a45f0f869d46889d02405 # v6.2.0"
"""Pinned by commit: a tag can be moved to other code. Dependabot understands the version behind it."""

_PATTERN = re.compile(r"[\\*?+\[\]!]")
_PLAIN = re.compile(r"(?!.*:(?: |$))[A-Za-z][A-Za-z0-9_./:=-]*(?: [A-Za-z0-9_./:=-]+)*")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@dataclass(frozen=True)
class Wanted:
    """What a workflow is made for. `server` None: the event has no address that GitHub reaches."""

    name: str
    branch: str
    folder: str
    server: str | None
    version: str


def render(wanted: Wanted) -> str:
    """Write the workflow as YAML. Pure."""
    return _HEAD.format(
        mark=MARK,
        name=" ".join(wanted.name.split()),
        branch=scalar(branch_pattern(wanted.branch)),
        checkout=CHECKOUT,
        python=SETUP_PYTHON,
        requirement=shlex.quote(f"divebell[check]=={wanted.version}"),
        check=scalar(_command("check", wanted)),
    ) + (_load(wanted) if wanted.server else "")


def branch_pattern(branch: str) -> str:
    """Give the filter that fits one branch only: its name, without what is special in filters."""
    return _PATTERN.sub(lambda found: "\\" + found[0], branch)


def scalar(text: str) -> str:
    """Write text as YAML that GitHub takes for just this text: no expression in it is evaluated."""
    if _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS:
        return text
    return json.dumps(text.replace("${{", "${{ '${{' }}"), ensure_ascii=False)


def _command(step: str, wanted: Wanted, *more: str) -> str:
    return shlex.join(["divebell", "ci", step, "--folder", wanted.folder, *more])


def _load(wanted: Wanted) -> str:
    command = _command("load", wanted, "--server", wanted.server or "", "--wait", str(WAIT_SECONDS))
    return _LOAD.format(command=scalar(command), secret=SECRET)


# divebell is installed while nothing of the repository is there, and so nothing of it can get in the way.
_HEAD = """\
{mark} for: {name}
# It checks the data that a commit changes, and says on the commit what the event makes of it.
name: divebell

on:
  push:
    branches: [{branch}]
  pull_request:
    branches: [{branch}]

permissions:
  contents: read

concurrency:
  group: divebell-${{{{ github.ref }}}}
  cancel-in-progress: ${{{{ github.event_name == 'pull_request' }}}}

defaults:
  run:
    shell: bash

jobs:
  data:
    name: Data
    runs-on: ubuntu-24.04
    timeout-minutes: 40
    steps:
      - name: Set up Python
        uses: {python}
        with:
          python-version: "3.12"

      - name: Install divebell
        id: install
        run: pip install --quiet --disable-pip-version-check {requirement}

      - name: Fetch the commit
        uses: {checkout}
        with:
          fetch-depth: 0
          filter: blob:none
          persist-credentials: false

      - name: Check what changed
        run: {check}
"""

# The step that opens strangers' files is not told the secret, and neither is a pull request.
_LOAD = """
      - name: Tell the event, and wait until it has loaded the commit
        if: ${{{{ !cancelled() && github.event_name == 'push' && steps.install.outcome == 'success' }}}}
        env:
          {secret}: ${{{{ secrets.{secret} }}}}
        run: {command}
"""
