"""Run the hub of an event: `python -m divebell.hub`, where `DIVEBELL_STATE` says which."""

from __future__ import annotations

from pathlib import Path

from jupyterhub.app import main

if __name__ == "__main__":
    main(["--config", str(Path(__file__).with_name("jupyterhub_config.py"))])
