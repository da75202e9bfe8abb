"""What git finds in a workspace: who commits, and how it signs in at the event's own address.

It is git's system configuration, so whatever a volunteer sets of their own comes before it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ADDRESS_VARIABLE = "DIVEBELL_GIT"
"""Where the event's repository answers git."""
MAIL_VARIABLE = "DIVEBELL_MAIL"
REPOSITORY_VARIABLE = "DIVEBELL_REPOSITORY"
"""The address that the event itself follows; empty where a workspace does not reach it."""
_FILE, _CLONE_FILE = "gitconfig", "gitconfig-of-clones"
_SYSTEM = Path("/etc/gitconfig")


def prepare(private: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Write the configuration; give the variable by which git finds it."""
    file, clone = private / _FILE, private / _CLONE_FILE
    file.write_text(settings(environment, clone), encoding="utf-8")
    clone.write_text(of_clones(environment), encoding="utf-8")
    return {"GIT_CONFIG_SYSTEM": str(file)}


def settings(environment: Mapping[str, str], clone: Path) -> str:
    """Give the configuration's text; `clone` holds what is said in clones from the event's address alone."""
    return "".join(_lines(environment, clone))


def of_clones(environment: Mapping[str, str]) -> str:
    """Let `git push` go to the one branch that its owner may push to, whichever is checked out."""
    own = f"HEAD:refs/heads/shared/{environment.get('DIVEBELL_PERSON', '')}"
    return f'[remote "origin"]\n\tpush = {_quoted(own)}\n'


def _lines(environment: Mapping[str, str], clone: Path) -> Iterator[str]:
    if _SYSTEM.exists():
        yield f"[include]\n\tpath = {_quoted(str(_SYSTEM))}\n"
    person, mail = environment.get("DIVEBELL_PERSON", ""), environment.get(MAIL_VARIABLE, "")
    if person and mail:
        yield f"[user]\n\tname = {_quoted(person)}\n\temail = {_quoted(mail)}\n"
    yield "[init]\n\tdefaultBranch = main\n[push]\n\tautoSetupRemote = true\n"
    if address := environment.get(ADDRESS_VARIABLE, ""):
        cloned = _quoted(f"hasconfig:remote.*.url:{address}")
        yield f"[includeIf {cloned}]\n\tpath = {_quoted(str(clone))}\n"
        yield _credential(address, f"!{shlex.quote(sys.executable)} -P -m divebell.workspace.git_credential")
    if repository := environment.get(REPOSITORY_VARIABLE, ""):
        yield _credential(repository, "store")


def _credential(address: str, helper: str) -> str:
    """Let one helper answer for one repository: useHttpPath keeps its answer from all others of that host."""
    return f"[credential {_quoted(address)}]\n\tuseHttpPath = true\n\thelper = {_quoted(helper)}\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
