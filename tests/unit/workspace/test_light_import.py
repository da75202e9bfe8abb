"""`import divebell` stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

import divebell
from divebell.errors import DivebellError


def test_importing_divebell_imports_nothing_heavy():
    heavy = ("sqlalchemy", "psycopg", "geopandas", "pydantic")
    code = f"import sys, divebell; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_what_notebooks_use_is_found_by_name():
    assert {"engine", "share", "unshare", "map"} <= set(dir(divebell))
    assert callable(divebell.share)
    with pytest.raises(AttributeError):
        _ = divebell.nothing


def test_outside_an_event_the_engine_says_so(monkeypatch):
    monkeypatch.delenv("PGUSER", raising=False)
    with pytest.raises(DivebellError, match="PGUSER"):
        divebell.engine()
