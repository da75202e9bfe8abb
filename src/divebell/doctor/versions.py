"""Versions with known holes: of PostgreSQL, of the Python packages, of what this machine's packages offer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from divebell.database import admin
from divebell.doctor.advisories import POSTGRESQL, PYTHON, has_hole, number
from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient

LISTS = Path("/var/lib/apt/lists")
OLDEST_LISTS = 14 * 24 * 3600
"""Seconds after which apt's lists say nothing about today."""
ANEW = "divebell down {folder}; divebell up {folder}"
UPGRADE = f"apt-get update; apt-get install --only-upgrade -y postgresql-N; {ANEW}"
ENGINE_PACKAGES = ("docker.io", "docker-ce", "containerd", "containerd.io", "runc")


def postgresql(patient: Patient) -> Iterator[Hole]:
    """Ask the server that runs, which may be older than the package that is installed."""
    with admin(patient.state) as server:
        row = server.execute("SHOW server_version").fetchone()
    found = str(row[0]).split()[0] if row else ""
    advisory = POSTGRESQL.get(int(found.partition(".")[0] or 0))
    if advisory and has_hole(found, advisory):
        yield Hole(
            f"PostgreSQL {found} runs, which has {advisory}",
            UPGRADE.replace("-N", f"-{number(found)[0]}"),
        )


def packages(patient: Patient) -> Iterator[Hole]:
    """Compare what is installed with what apt would install."""
    if shutil.which("apt-cache") is None:
        raise DoesNotApplyError("this machine has no apt")
    with admin(patient.state) as server:
        row = server.execute("SHOW server_version_num").fetchone()
    major = int(row[0]) // 10_000 if row else 0
    wanted = [f"postgresql-{major}", f"postgresql-{major}-postgis-3", "git", "bubblewrap"]
    wanted += ENGINE_PACKAGES if patient.containers else ()
    for name, (installed, offered) in policies(wanted).items():
        if installed != offered:
            sudo = "" if os.geteuid() == 0 else "sudo "
            mend = f"{sudo}apt-get install --only-upgrade -y {name}; {ANEW}"
            yield Hole(f"{name} {installed} is installed, {offered} is offered", mend)
    if time.time() - _lists_from() > OLDEST_LISTS:
        days = (time.time() - _lists_from()) / 86_400
        yield Hole(
            f"apt's lists are {days:.0f} days old and do not know what is offered today", "apt-get update"
        )


def policies(names: list[str]) -> dict[str, tuple[str, str]]:
    """Give installed and offered version of each package that is installed."""
    done = subprocess.run(
        ["apt-cache", "policy", *names],
        capture_output=True,
        text=True,
        check=False,
        timeout=15,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        raise CannotBeCheckedError(done.stderr.strip())
    return read_policies(done.stdout)


def read_policies(text: str) -> dict[str, tuple[str, str]]:
    """Read what `apt-cache policy` says. Pure."""
    found = re.findall(r"^(\S+):\n  Installed: (\S+)\n  Candidate: (\S+)", text, re.MULTILINE)
    return {
        name: (installed, offered)
        for name, installed, offered in found
        if "(none)" not in {installed, offered}
    }


def _lists_from() -> float:
    """Give when apt last fetched its lists: `apt-get update` works in `partial`."""
    times = [path.stat().st_mtime for path in (LISTS, LISTS / "partial") if path.exists()]
    return max(times, default=0.0)


def python(patient: Patient) -> Iterator[Hole]:
    """Compare the Python packages that run the event with the advisories."""
    del patient
    for name, advisory in PYTHON.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        if has_hole(found, advisory):
            mend = f"pip install --upgrade '{name}>={advisory.fixed}'; {ANEW}"
            yield Hole(f"{name} {found} has {advisory}", mend)


CHECKS = (
    Check(
        "versions.postgresql",
        "the server that runs has no known hole",
        "volunteers have accounts on it: what needs one is open to all of them",
        UPGRADE,
        postgresql,
    ),
    Check(
        "versions.packages",
        "PostgreSQL, git, bubblewrap and the container engine are the newest this machine's apt offers",
        "distributions close holes without a new version number",
        f"apt-get update; apt-get upgrade; {ANEW}",
        packages,
    ),
    Check(
        "versions.python",
        "hub, proxy, web app and JupyterLab have no known hole",
        "what is known is tried",
        f"pip install --upgrade 'divebell[all]'; {ANEW}",
        python,
    ),
)
