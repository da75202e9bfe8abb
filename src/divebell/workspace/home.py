"""Make a volunteer's home ready. Runs as the volunteer: nothing in the home can trick a mightier account."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import sysconfig
import traceback
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psycopg

from divebell.workspace.shared import EVERYONE, ensure_public
from divebell.workspace.welcome import Column, Table, notebook

WELCOME = "welcome.ipynb"
_MEMORY = Path(".divebell") / "welcome.sha256"
_PACKAGES = ".venv"
SHARE = "divebell-share"
"""The command that shares a file, in terminals."""


def prepare_home(home: Path, environment: Mapping[str, str]) -> None:
    """Put into `home` links to the data, what is shared, a place for own packages, the welcome notebook."""
    checkout = Path(environment["DIVEBELL_CHECKOUT"])
    steps: tuple[Callable[[], None], ...] = (
        lambda: ensure_link(home / "event", checkout),
        lambda: ensure_link(home / "data", checkout / environment["DIVEBELL_DATA"]),
        lambda: ensure_shared(home, environment),
        lambda: ensure_packages(home / _PACKAGES),
        lambda: ensure_welcome(home, render_welcome(environment)),
    )
    for step in steps:
        try:
            step()
        except OSError as error:
            print(f"the home of {home.name} is not as it should be: {error}", file=sys.stderr)


def ensure_link(link: Path, target: Path) -> None:
    """Make `link` lead to `target`, unless the volunteer has something else there."""
    if link.is_symlink():
        if link.readlink() == target:
            return
        link.unlink()
    elif link.exists():
        return
    link.symlink_to(target, target_is_directory=True)


def ensure_shared(home: Path, environment: Mapping[str, str]) -> None:
    """Make `~/public`, and `~/everyone` where the hub shows everybody's."""
    ensure_public(home, environment.get("DIVEBELL_PERSON", home.name))
    shared = environment.get("DIVEBELL_SHARED")
    if shared and Path(shared).is_dir():
        ensure_link(home / EVERYONE, Path(shared))


def ensure_packages(folder: Path) -> None:
    """Make the place where `pip install` puts things.

    It is an environment of its own that sees the event's packages through a path file: pip installs into it
    and cannot change what the event's environment holds.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / f"python{version}" / "site-packages"
    python, path_file = folder / "bin" / "python", site / "_event.pth"
    if not (site.is_dir() and python.exists() and path_file.is_file()):
        shutil.rmtree(folder, ignore_errors=True)
        venv.EnvBuilder(with_pip=False, symlinks=True, prompt="event").create(folder)
    for script in (folder / "bin" / "pip", folder / "bin" / "pip3"):
        if not script.exists():
            _write_if_other(script, f'#!/bin/sh\nexec "{python}" -m pip "$@"\n', mode=0o755)
    _write_if_other(
        folder / "bin" / SHARE,
        f'#!/bin/sh\nexec "{sys.executable}" -P -m divebell.workspace.publish_command "$@"\n',
        mode=0o755,
    )
    # last: half an environment, made while the disk filled up, is known by the lack of it
    _write_if_other(path_file, f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")


def ensure_welcome(home: Path, text: str) -> None:
    """Write the welcome notebook anew, unless the volunteer has changed it since we last wrote it."""
    file, memory = home / WELCOME, home / _MEMORY
    if file.is_file() and memory.is_file() and _digest(file.read_text()) != memory.read_text():
        return
    if file.exists() and not memory.is_file():
        return  # a file of that name which is not ours
    memory.parent.mkdir(exist_ok=True)
    new = file.with_name(f".{WELCOME}.new")
    try:
        new.write_text(text)
        _write_if_other(memory, _digest(text))
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def render_welcome(environment: Mapping[str, str]) -> str:
    """Give the welcome notebook for what is loaded now."""
    made = notebook(
        environment["DIVEBELL_EVENT"],
        environment.get("DIVEBELL_DESCRIPTION", ""),
        environment["DIVEBELL_URL"],
        loaded_tables(),
    )
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def loaded_tables() -> list[Table]:
    """Give the event's tables, an empty list while the database is away."""
    try:
        with psycopg.connect("", connect_timeout=10) as connection:
            rows = connection.execute(
                "SELECT table_name, rows, geometry_type, columns,"
                " ARRAY(SELECT attname::text FROM pg_attribute"
                " WHERE attrelid = to_regclass(format('data.%I', table_name)))"
                " FROM catalogue.dataset ORDER BY table_name"
            ).fetchall()
    except psycopg.Error:
        traceback.print_exc()
        return []
    return [
        Table(name, count, geometry, _columns(columns, there))
        for name, count, geometry, columns, there in rows
    ]


def _columns(columns: Any, there: list[str]) -> tuple[Column, ...]:
    """Give the columns the table really has: very wide ones keep some of theirs in one jsonb column."""
    described = [Column(str(column["name"]), str(column.get("type", ""))) for column in columns]
    return tuple(column for column in described if column.name in there)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write_if_other(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file whole or not at all: half a script or path file would be worse than none."""
    if path.exists() and path.read_text() == text:
        return
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(text)
        new.chmod(mode)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
