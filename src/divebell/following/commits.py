"""What became of a commit, as its git host or CI is told."""

from __future__ import annotations

from datetime import datetime
from importlib import resources
from typing import Any


async def commit_state(pool: Any, commit: str, branch: str) -> dict[str, Any]:
    """Give the answer about a commit; the package's docstring says what is in it."""
    known = await pool.fetchrow(_query("commit"), commit)
    rows = [] if known["id"] is None else await pool.fetch(_query("datasets"), known["id"])
    datasets = [dict(row) for row in rows]
    return {
        "commit": commit,
        "state": state(known, datasets),
        "reason": known["problem"],
        "started_at": _moment(known["started_at"]),
        "finished_at": _moment(known["finished_at"]),
        "datasets": datasets,
        "branch": {"name": branch, "head": known["head"], "looked_at": _moment(known["looked_at"])},
        "loaded": known["loaded"],
    }


def state(known: Any, datasets: list[dict[str, Any]]) -> str:
    """Say in a word how far a commit is. Pure."""
    if known["id"] is None:
        return "waiting" if known["waits"] else "unknown"
    if known["finished_at"] is None:
        return "waiting" if known["problem"] else "loading"
    failed = any(one["error"] is not None and one["changed"] for one in datasets)
    return "failed" if known["problem"] or failed else "loaded"


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _query(name: str) -> str:
    return resources.files("divebell.following").joinpath("queries", f"{name}.sql").read_text()
