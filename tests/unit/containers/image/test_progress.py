"""What a person hears of a build."""

from __future__ import annotations

import pytest

from divebell.containers.image.progress import Progress, advice
from divebell.containers.image.steps import Step
from divebell.errors import DivebellError

STEPS = (
    Step("the first", "FROM debian AS one\nRUN one \\\n && more\n"),
    Step("the event's packages", "# a comment\nRUN two"),
)


class Clock:
    now = 0.0

    def __call__(self):
        self.now += 5
        return self.now


def hear(*streams):
    heard = []
    Progress(STEPS, heard.append, Clock()).follow(
        each if isinstance(each, dict) else {"stream": each} for each in streams
    )
    return heard


def test_each_step_is_told_when_it_begins_to_work_and_when_it_is_done():
    assert hear(
        "Step 1/3 : FROM debian AS one\n ---> 1cd5\n",
        "Step 2/3 : RUN one  && more\n",
        " ---> Running in 3bf\n",
        "words\n",
        "Step 3/3 : RUN two\n ---> Using cache\n",
        "Step 4/4 : LABEL a=b\n",
    ) == ["the first ...", "the first: 5 s", "the event's packages: as before"]


def test_a_step_that_fails_shows_its_own_last_lines_and_what_to_do():
    with pytest.raises(DivebellError) as failed:
        hear(
            "Step 2/3 : RUN one\n ---> Running in 3bf\n",
            "old words\n",
            "Step 3/3 : RUN two\n ---> Running in 4bf\n",
            *(f"line {number}\n" for number in range(40)),
            {"error": "The command returned a non-zero code: 1", "errorDetail": {}},
        )
    assert "the event's packages failed:" in failed.value.message
    assert "line 39" in failed.value.message
    assert "line 5\n" not in failed.value.message
    assert "old words" not in failed.value.message
    assert "`packages`" in failed.value.next_step


def test_a_step_that_fails_without_a_word_shows_what_the_engine_says():
    with pytest.raises(DivebellError, match="no such image"):
        hear("Step 1/3 : FROM debian\n", {"error": "no such image"})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("invalid peer certificate: UnknownIssuer", "--ca-bundle"),
        ("Could not resolve 'mirror'", "mirrors"),
        ("dns error: failed to lookup", "mirrors"),
        ("No solution found when resolving dependencies", "tries again"),
    ],
)
def test_the_advice_goes_with_what_went_wrong(text, what):
    assert what in advice("Python's packages", text)
