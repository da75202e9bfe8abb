"""Keep the keys of the place where backups go: ``python -m divebell.backup.keys EVENT``, run by the playbook.

They come in the environment and go to secrets.json; without any, those that are there stay.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from divebell.event import State, load_secrets
from divebell.event.secrets import save_secrets

VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION")


def keys_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the keys that an environment holds."""
    return {name: environment[name] for name in VARIABLES if environment.get(name)}


def keep(state: State, environment: Mapping[str, str]) -> bool:
    """Write the keys down; tell whether that changed anything."""
    known, given = load_secrets(state), keys_in(environment)
    if not given or known.backup_environment == given:
        return False
    save_secrets(replace(known, backup_environment=given), state)
    return True


if __name__ == "__main__":
    print("changed" if keep(State.beside(Path(sys.argv[1]) / "event.yaml"), os.environ) else "as before")
