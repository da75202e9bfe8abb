"""From a bare machine to a volunteer's first cell, and deploying the same again.

A whole Debian with systemd is booted in a container and knows nothing: no Python, no package lists, no image.
`divebell deploy` installs the example event there, with packages from the registries and the workspace image
built on the machine. The clock starts with the command and stops when a volunteer who signed in over HTTPS
has the answer of a first cell, run in a container. Then the same is deployed again.

The floor, on a second such machine: the same Debian packages in one apt-get, the same Python packages in one
pip, the same base by debootstrap and the same Dockerfile in one docker build, by hand, one after another.
Nothing is configured and nothing runs afterwards. `vs_floor` is deploy / floor: what it costs that the
machine is an event in the end.

No peer is in the table: The Littlest JupyterHub is the one that installs itself on one machine, and its
installer is in no package registry.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from deployment import Deployment, event_on
from target import Target, booted_target
from target_images import context_of

LONGEST_SECONDS = 1800
BARS = {"first": 600, "second": 60}
"""Seconds until the first cell, and for deploying again."""
QUIET = "export DEBIAN_FRONTEND=noninteractive; apt-get install -y -qq --no-install-recommends"


def main() -> int:
    """Run the benchmark and print what it found."""
    args = _arguments()
    with tempfile.TemporaryDirectory(prefix="divebell-deploy-") as folder:
        with booted_target(python=False) as target, event_on(target, Path(folder) / "event") as event:
            bare = _packages(target)
            facts = _deployed(event)
            added = sorted(_packages(target) - bare)
        if not args.no_floor:
            with booted_target(python=False) as target:
                facts["floor_s"] = _floor(target, added, Path(folder) / "event")
            facts["vs_floor"] = round(facts["first_cell_s"] / sum(facts["floor_s"].values()), 2)
    print(json.dumps(facts) if args.json else _sentences(facts))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--no-floor", action="store_true", help="do not install the same by hand beside it")
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    return parser.parse_args()


def _deployed(event: Deployment) -> dict[str, Any]:
    """Deploy, run a cell, deploy again."""
    begun = time.monotonic()
    first = event.deploy()
    deployed = time.monotonic() - begun
    _, kernel = event.at_notebook("ana")
    answer = kernel.run("import geopandas; print(6 * 7)").strip()
    until_cell = time.monotonic() - begun
    kernel.close()
    if answer != "42":
        raise RuntimeError(f"the first cell answered {answer}")
    _say(f"first cell after {until_cell:.0f} s")
    begun = time.monotonic()
    second = event.deploy()
    return {
        "deploy_s": round(deployed, 1),
        "first_cell_s": round(until_cell, 1),
        "second_deploy_s": round(time.monotonic() - begun, 1),
        "second_changed": second["changed"],
        "steps_s": first["steps"],
        "second_steps_s": second["steps"],
        "bars_s": BARS,
    }


def _packages(target: Target) -> set[str]:
    return set(target.ssh("dpkg-query --show --showformat='${Package}\\n'").stdout.split())


def _floor(target: Target, packages: list[str], event: Path) -> dict[str, float]:
    """Install by hand what a deploy installs, and give how long each part took."""
    lock = files("divebell.deploy") / "requirements.lock"
    target.ssh("cat > /tmp/lock.txt", stdin=lock.read_text())
    (target.folder / "context.tar").write_bytes(context_of(event))
    target.put(target.folder / "context.tar", "/root/context.tar")
    pip = "/opt/floor/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary :all:"
    base = "debootstrap --variant=minbase bookworm /root/base $(awk '{print $2; exit}' /etc/apt/sources.list)"
    parts = {
        "Debian's packages": f"apt-get update -qq; {QUIET} {shlex.join(packages)}",
        "Python's packages": f"python3 -m venv /opt/floor && {pip} -r /tmp/lock.txt",
        "the image's base": f"{base} >/dev/null && tar -C /root/base -c . | docker import - debian:12-slim",
        "the image": "docker build --quiet --build-arg BASE_ID=floor - < /root/context.tar",
    }
    return {
        name: _timed(name, partial(target.ssh, command, timeout=LONGEST_SECONDS))
        for name, command in parts.items()
    }


def _timed(name: str, work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    seconds = round(time.monotonic() - begun, 1)
    _say(f"by hand: {name} {seconds} s")
    return seconds


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _sentences(facts: dict[str, Any]) -> str:
    steps, again = facts["steps_s"], facts["second_steps_s"]
    lines = [f"{name}: {seconds} s, again {again.get(name, 0)} s" for name, seconds in steps.items()]
    lines.append(f"deployed after {facts['deploy_s']} s")
    lines.append(f"first cell after {facts['first_cell_s']} s (bar: {BARS['first']} s)")
    changed = f"{len(facts['second_changed'])} changes"
    lines.append(f"deployed again in {facts['second_deploy_s']} s (bar: {BARS['second']} s), {changed}")
    if "floor_s" in facts:
        parts = ", ".join(f"{name} {seconds} s" for name, seconds in facts["floor_s"].items())
        lines.append(f"by hand, the same packages and image: {parts}")
        lines.append(f"first cell / by hand: {facts['vs_floor']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
