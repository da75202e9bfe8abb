"""Write down what the image is made of: `python manifest.py ENVIRONMENT BASE_ID`."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path


def main(environment: str, base: str) -> int:
    """Print it as JSON: the base image, Debian's packages, Python's, and which of those the event added."""
    found = {each.name: (each.version, Path(str(each.locate_file("")))) for each in distributions()}
    of_all = {name: version for name, (version, place) in found.items() if place.is_relative_to(environment)}
    of_event = {name: version for name, (version, _) in found.items() if name not in of_all}
    manifest = {
        "base": base,
        "python": sys.version.split()[0],
        "debian": _debian(),
        "packages": dict(sorted(of_all.items())),
        "event_packages": dict(sorted(of_event.items())),
    }
    print(json.dumps(manifest, indent=1))
    return 0


def _debian() -> dict[str, str]:
    listing = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\n"], capture_output=True, text=True, check=True
    ).stdout
    return dict(line.split(" ", 1) for line in listing.splitlines())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
