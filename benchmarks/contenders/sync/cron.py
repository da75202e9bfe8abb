"""The peer: a script in a cron job that pulls, and has ogr2ogr load the files that are others now."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from contenders.event import run
from contenders.sync.following import Following
from divebell.database import conninfo
from git_host import TOKEN

SCHEMA = "peers"
WAIT_SECONDS = 30.0
"""How long a push waits for the next minute, on average."""
_SCRIPT = """\
set -euo pipefail
cd {clone}
before=$(git rev-parse HEAD)
git pull --quiet
git diff --name-only "$before" HEAD -- data/ | while read -r file; do
  table=$(basename "$file" .csv)
  ogr2ogr -f PostgreSQL PG: "$file" -nln {schema}.$table -overwrite --config PG_USE_COPY YES \\
    -a_srs EPSG:4326 -oo X_POSSIBLE_NAMES=longitude -oo Y_POSSIBLE_NAMES=latitude -oo AUTODETECT_TYPE=YES
done
"""


@dataclass(frozen=True)
class Cron:
    """The script, its own clone, and how both sign in."""

    script: Path
    environment: dict[str, str]

    def run(self) -> None:
        """Let the job run once, as if its minute had come."""
        run(["bash", str(self.script)], self.environment)


def cron(one: Following) -> Cron:
    """Set the job up beside the event: in the same PostgreSQL, from the same git host."""
    home = one.folder.parent
    answers = home / "askpass"
    answers.write_text(f"#!/bin/sh\necho {TOKEN}\n")
    answers.chmod(stat.S_IRWXU)
    known = conninfo(one.state, "event_loader")
    names = {"dbname": "PGDATABASE"}
    target = {names.get(key, f"PG{key.upper()}"): str(value) for key, value in known.items()}
    environment = {**os.environ, **target, "HOME": str(home), "GIT_ASKPASS": str(answers)}
    environment["GIT_SSL_CAINFO"] = str(one.host.certificate)
    run(["git", "clone", "-q", one.host.address, str(home / "cron")], environment)
    script = home / "cron.sh"
    script.write_text(_SCRIPT.format(clone=home / "cron", schema=SCHEMA))
    return Cron(script, environment)
