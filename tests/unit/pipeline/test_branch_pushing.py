"""What the author of a branch is told when the event's repository does not take it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from divebell.errors import DivebellError
from divebell.pipeline import git
from divebell.pipeline.branch_pushing import Remote, bring

HOLLOW = (
    "fatal: Could not read from remote repository.\n\n"
    "Please make sure you have the correct access rights\nand the repository exists."
)


@pytest.mark.parametrize(
    ("words", "next_step", "told", "helps"),
    [
        (
            f"Host key verification failed.\n{HOLLOW}",
            "ssh-keyscan",
            "the event's repository did not take it: Host key verification failed.",
            "ssh-keyscan",
        ),
        (
            f"maria@host: Permission denied (publickey).\n{HOLLOW}",
            "a deploy key that may read",
            "the event's repository does not let the event push",
            "divebell secrets set repository-token (or repository-key): one that may write",
        ),
        (
            "remote: a hook says no",
            None,
            "the event's repository did not take it: remote: a hook says no",
            None,
        ),
    ],
)
def test_the_reason_is_told_without_what_says_nothing(
    words: str, next_step: str | None, told: str, helps: str | None
) -> None:
    def reach(_: list[str], *, seconds: float) -> str:
        raise git.GitError(words, next_step=next_step)

    branches = cast("Any", SimpleNamespace(tip=lambda _: "a" * 40, mirror=Path("mirror")))
    with pytest.raises(DivebellError) as refused:
        bring(branches, Remote("ssh://host/event.git", reach), "ana")
    assert (refused.value.message, refused.value.next_step) == (told, helps)
