"""Say why a play ended and what to do about it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from divebell.deploy import ssh
from divebell.deploy.host import Host
from divebell.deploy.progress import Failed
from divebell.errors import DivebellError

LAST_LINES = 12
AGAIN = "then the same command again: it goes on from there"
_EMPTY = ("non-zero return code", "MODULE FAILURE", "One or more items failed")


def failure(failed: Failed, host: Host, log: Path) -> DivebellError:
    """Give the error that tells step, reason and what to do."""
    if failed.status == "unreachable":
        lost = ssh.refusal(host, str(failed.result.get("msg", "")))
        return DivebellError(
            f"the connection was lost: {lost.message}", next_step=f"{lost.next_step}; {AGAIN}"
        )
    reason = reason_of(failed)
    where = f"{failed.step.role}: " if failed.step else ""
    message = f"{where}{failed.task or 'it'} failed:\n{_indented(reason)}\n  Everything is in {log}"
    return DivebellError(message, next_step=next_step(reason, host))


def reason_of(failed: Failed) -> str:
    """Give the words of the task that failed: what it printed, else what Ansible says."""
    items = [item for item in failed.items if item.get("failed")]
    found = [words for result in (*items, failed.result) for words in _words(result)]
    if found:
        return _tail(found[0])
    code = failed.result.get("rc")
    return f"it ended with code {code}" if code is not None else "it did not say why"


def _words(result: Mapping[str, Any]) -> Iterator[str]:
    if result.get("censored"):
        yield "what it said may hold secrets and is not shown; the journal may tell: journalctl -b -p err"
    message = str(result.get("msg") or "")
    if message and not message.startswith(_EMPTY):
        yield message
    for name in ("stderr", "module_stderr", "stdout", "module_stdout"):
        if text := str(result.get(name) or "").strip():
            yield text
    if message:
        yield message


def next_step(reason: str, host: Host) -> str:
    """Give what to do about a reason."""
    own = re.findall(r"^ *-> (.+)$", reason, re.MULTILINE)  # an error of divebell on the server
    if own:
        return f"on the server: {own[-1]}; {AGAIN}"
    for pattern, step in _STEPS:
        if re.search(pattern, reason, re.IGNORECASE):
            return f"{step.format(host=host)}; {AGAIN}"
    return f"put right what it says; {AGAIN}"


_STEPS = (
    (r"no space left on device", "make room on the server: ssh {host} df -h"),
    (
        r"temporary failure resolving|failed to fetch|unable to fetch|cannot fetch|network is unreachable",
        "see whether the server reaches Debian's mirrors: ssh {host} apt-get update",
    ),
    (
        r"could not get lock|is held by process|dpkg was interrupted",
        "wait until the server has finished installing, or: ssh {host} dpkg --configure -a",
    ),
    (
        r"do not match the hashes",
        "the server's package index has other files than divebell was tested with: see pip's settings there",
    ),
    (
        r"no matching distribution|could not find a version",
        "the server's package index lacks it: see pip's settings there (/etc/pip.conf)",
    ),
    (
        r"certificate verify failed|ssl: ",
        "the server does not trust who answers: see its certificates and its proxy",
    ),
    (
        r"incorrect sudo password|a password is required|missing sudo password",
        "sign in as root, or let the account use sudo without a password",
    ),
    (
        r"cannot allocate memory|out of memory|killed",
        "the server has too little memory: make a larger machine",
    ),
)


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-LAST_LINES:])


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
