"""The web app on the session's real PostgreSQL, and tables to draw."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from divebell.database import connect, conninfo, provision

sys.path.insert(0, str(Path(__file__).parents[2]))

from mvt import features as decoded
from signed_in import Site, serving


@pytest.fixture(scope="session")
def site(cluster: Any) -> Iterator[Site]:
    """Give the web app of the session's event."""
    with serving(cluster) as running:
        yield running


@pytest.fixture
def features() -> Callable[[Any], list[dict[str, Any]]]:
    """Give the function that decodes a tile."""
    return decoded


@pytest.fixture
def client(site: Site) -> Iterator[Any]:
    """Give an HTTP client of somebody who has signed in."""
    with site.client("ana") as signed_in:
        yield signed_in


@pytest.fixture(scope="session")
def table(cluster: Any) -> Callable[..., str]:
    """Give the function that makes a table in `data` from a query: `table("name", "SELECT …")`."""

    def make(name: str, query: str) -> str:
        with connect(cluster.state, "event_loader") as loader:
            loader.execute(f"DROP TABLE IF EXISTS data.{name}")
            loader.execute(f"CREATE TABLE data.{name} AS {query}")
            loader.execute(f"CREATE INDEX ON data.{name} USING gist (geom)")
        return f"data.{name}"

    return make


@pytest.fixture(scope="session")
def volunteer(cluster: Any) -> Callable[[str], psycopg.Connection]:
    """Give the function that connects as a volunteer, whose role it makes."""

    def become(name: str) -> psycopg.Connection:
        with connect(cluster.state, "event_hub") as hub:
            password = provision(hub, name)
        known = {**conninfo(cluster.state, "event_hub"), "user": f"v_{name}", "password": password}
        return psycopg.connect(**known, autocommit=True)

    return become
