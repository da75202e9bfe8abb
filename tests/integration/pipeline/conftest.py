"""An event whose repository is a real one, and passes of the loader over it against the real PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from divebell.database import connect
from divebell.database.catalogue import Listing, listing
from divebell.event import Event
from divebell.pipeline.heart import Status
from divebell.pipeline.load import Summary
from divebell.pipeline.worker import load_once
from git_host import git

SAMPLE = "DIVEBELL_SAMPLE_EVENT"


@dataclass
class Repo:
    """The event's repository, as the people who put data into it see it."""

    folder: Path

    def write(self, path: str, content: str | bytes) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: dict[str, str | bytes | None] | None = None) -> str:
        for path, content in (files or {}).items():
            if content is None:
                (self.folder / path).unlink()
            else:
                self.write(path, content)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message=Change")
        return git(self.folder, "rev-parse", "HEAD")


@dataclass
class Loading:
    """One event with its repository; `load()` is one pass of the loader."""

    event: Event
    state: Any
    folder: Path
    repo: Repo
    connection: psycopg.Connection[Any]
    summaries: list[Summary] = field(default_factory=list)

    def load(self, files: dict[str, str | bytes | None] | None = None) -> Listing:
        if files is not None:
            self.repo.commit(files)
        self.summaries.append(load_once(self.connection, self.event, self.state, Status()))
        return self.listing

    def hint(self, **hints: dict[str, Any]) -> None:
        document = self.event.model_dump(mode="json", exclude_unset=True)
        document["data"]["datasets"] = hints
        self.event = Event.model_validate(document)

    @property
    def listing(self) -> Listing:
        return listing(self.connection)

    @property
    def tables(self) -> set[str]:
        rows = self.connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'data'").fetchall()
        return {name for (name,) in rows}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()  # type: ignore[arg-type]

    def column(self, query: str) -> list[Any]:
        return [row[0] for row in self.rows(query)]


@pytest.fixture
def loading(empty_cluster: Any) -> Iterator[Loading]:
    """Give an event with an empty catalogue and a fresh, empty repository."""
    repository = empty_cluster.folder / "repository"
    for path in (repository, empty_cluster.state.repository, empty_cluster.state.checkout):
        shutil.rmtree(path, ignore_errors=True)
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    with connect(empty_cluster.state, "event_loader", autocommit=True) as connection:
        # an earlier test's loader may have been heard of just now
        connection.execute("UPDATE catalogue.loader SET heartbeat = now() - interval '1 hour'")
        yield Loading(
            empty_cluster.event, empty_cluster.state, empty_cluster.folder, Repo(repository), connection
        )
