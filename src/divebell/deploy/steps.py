"""The steps of a deployment: one for each role of the playbook, in its order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One role, and what it does in a few words."""

    role: str
    does: str


STEPS = (
    Step("base", "firewall, security upgrades, logs, clock"),
    Step("engine", "the engine that notebooks' containers run in"),
    Step("database", "PostgreSQL and PostGIS"),
    Step("program", "divebell and what it needs"),
    Step("event", "the event file and the repository"),
    Step("divebell", "the event's parts, and the image of its notebooks"),
    Step("nginx", "the web server in front"),
    Step("certificates", "the certificate"),
    Step("backups", "backups"),
)
"""A test compares them with site.yml."""

REMOVAL = Step("remove", "everything that divebell brought")
