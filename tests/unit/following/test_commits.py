"""How far a commit is, in a word."""

from __future__ import annotations

from typing import Any

import pytest

from divebell.following.commits import state

MET: dict[str, Any] = {"id": 1, "finished_at": "then", "problem": None, "waits": True}
OLD_FAILURE = {"error": "no", "changed": False}
FAILURE = {"error": "no", "changed": True}
FINE = {"error": None, "changed": True}


@pytest.mark.parametrize(
    ("known", "datasets", "word"),
    [
        ({**MET, "id": None, "waits": False}, [], "unknown"),
        ({**MET, "id": None}, [], "waiting"),
        ({**MET, "finished_at": None, "problem": "the remote is away"}, [], "waiting"),
        ({**MET, "finished_at": None}, [FAILURE], "loading"),
        (MET, [], "loaded"),
        (MET, [FINE, OLD_FAILURE], "loaded"),
        (MET, [FINE, FAILURE], "failed"),
        ({**MET, "problem": "no folder"}, [FINE], "failed"),
    ],
)
def test_a_commits_state_follows_from_what_is_known(
    known: dict[str, Any], datasets: list[dict[str, Any]], word: str
) -> None:
    assert state(known, datasets) == word
