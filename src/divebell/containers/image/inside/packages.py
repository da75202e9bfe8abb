"""Install the event's packages beside the environment that every workspace has, while the image is built.

`python packages.py REQUIREMENTS FOLDER`. What the environment has already is neither installed again nor
changed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

UV = "/installer/bin/uv"


def main(requirements: Path, folder: Path) -> int:
    """Do it; 1 when the packages do not go together."""
    for part in ("bin", "etc/jupyter", "share/jupyter"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    wanted = requirements.read_text().splitlines()
    (folder / requirements.name).write_text(requirements.read_text())
    there = run(["pip", "freeze", "--python", sys.executable]).stdout
    constraints = requirements.with_suffix(".constraints")
    constraints.write_text(there)
    resolved = resolve(wanted, constraints)
    if resolved.returncode:
        print("\n".join(blame(wanted, constraints, resolved.stderr)))
        return 1
    new = sorted(set(pins(resolved.stdout)) - set(pins(there)))
    print(f"beside what every workspace has: {', '.join(new) or 'nothing'}")
    return install(new, folder) if new else 0


def resolve(wanted: list[str], constraints: Path) -> subprocess.CompletedProcess[str]:
    """Ask which packages these need, all in all."""
    quiet = ["-q", "--no-header", "--no-annotate"]
    leave_out = ["--no-emit-package", "rfc3987-syntax"]  # slows every start of JupyterLab, see scripts/lock
    with_these = ["--python", sys.executable, "--constraints", str(constraints)]
    return run(["pip", "compile", *quiet, *leave_out, *with_these, "-"], given="\n".join(wanted))


def blame(wanted: list[str], constraints: Path, together: str) -> list[str]:
    """Say which packages do not go with what is there; else that they do not go with each other."""
    alone = {one: resolve([one], constraints) for one in wanted}
    guilty = [f"{one}: {words(result.stderr)}" for one, result in alone.items() if result.returncode]
    return guilty or [f"{', '.join(wanted)}: these do not go together: {words(together)}"]


def words(complaint: str) -> str:
    """Give what the installer says as one paragraph."""
    return re.sub(r"[\s×╰─▶│├]+", " ", complaint).strip()


def pins(listing: str) -> list[str]:
    """Give the `name==version` of a list of requirements."""
    return re.findall(r"^[\w.-]+==[^\s;\\]+", listing, re.MULTILINE)


def install(new: list[str], folder: Path) -> int:
    """Install exactly these."""
    exactly = ["-q", "--no-deps", "--compile-bytecode"]
    done = run(["pip", "install", *exactly, "--python", sys.executable, "--prefix", str(folder), *new])
    print(done.stdout + done.stderr, end="")
    return done.returncode


def run(arguments: list[str], given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the installer and take down what it says."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "1000"}
    return subprocess.run(
        [UV, *arguments], input=given, env=environment, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
