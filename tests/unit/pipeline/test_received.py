import pytest

from divebell.errors import DivebellError
from divebell.pipeline import received


def test_no_push_takes_the_last_of_the_disk(monkeypatch):
    received.check({})
    monkeypatch.setattr(received, "LEAST_FREE", 2**62)
    with pytest.raises(DivebellError, match="almost full"):
        received.check({})
