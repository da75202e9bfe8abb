import pytest

from divebell.workspace.words import helpers, human_size


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1023, "1,023 bytes"),
        (1024, "1 KB"),
        (1536, "1.5 KB"),
        (600 << 20, "600 MB"),
        ((1 << 30) - 1, "1 GB"),
        (2 << 30, "2 GB"),
        (2500 << 30, "2,500 GB"),
    ],
)
def test_sizes_are_said_as_people_say_them(size, said):
    assert human_size(size) == said


def test_those_who_help_are_named():
    assert helpers({"DIVEBELL_AMBASSADORS": "maria or dan"}) == "maria or dan"
    assert helpers({}) == "an ambassador"
