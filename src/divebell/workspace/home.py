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

from divebell.workspace.welcome import Column, Table, notebook

WELCOME = "welcome.ipynb"
_MEMORY = Path(".divebell") / "welcome.sha256"
_PACKAGES = ".venv"


def prepare_home(home: Path, environment: Mapping[str, str]) -> None:
    """Put links to the data, a place for own packages and the welcome notebook into `home`."""
    checkout = Path(environment["DIVEBELL_CHECKOUT"])
    steps: tuple[Callable[[], None], ...] = (
        lambda: ensure_link(home / "event", checkout),
        lambda: ensure_link(home / "data", checkout / environment["DIVEBELL_DATA"]),
        lambda: ensure_packages(home / _PACKAGES),
        lambda: ensure_welcome(home, render_welcome(environment)),
    )
    for step in steps:
        try:
            step()
        except OSError:
            traceback.print_exc()


def ensure_link(link: Path, target: Path) -> None:
    """Make `link` lead to `target`, unless the volunteer has something else there."""
    if link.is_symlink():
        if link.readlink() == target:
            return
        link.unlink()
    elif link.exists():
        return
    link.symlink_to(target, target_is_directory=True)


def ensure_packages(folder: Path) -> None:
    """Make the place where `pip install` puts things.

    It is an environment of its own that sees the event's packages through a path file: pip installs into it
    and cannot change what the event's environment holds.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / f"python{version}" / "site-packages"
    python = folder / "bin" / "python"
    if not (site.is_dir() and python.exists()):
        shutil.rmtree(folder, ignore_errors=True)
        venv.EnvBuilder(with_pip=False, symlinks=True, prompt="event").create(folder)
    _write_if_other(site / "_event.pth", f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for name in ("pip", "pip3"):
        script = folder / "bin" / name
        if not script.exists():
            script.write_text(f'#!/bin/sh\nexec "{python}" -m pip "$@"\n')
            script.chmod(0o755)


def ensure_welcome(home: Path, text: str) -> None:
    """Write the welcome notebook anew, unless the volunteer has changed it since we last wrote it."""
    file, memory = home / WELCOME, home / _MEMORY
    if file.is_file() and memory.is_file() and _digest(file.read_text()) != memory.read_text():
        return
    if file.exists() and not memory.is_file():
        return  # a file of that name which is not ours
    memory.parent.mkdir(exist_ok=True)
    new = file.with_name(f".{WELCOME}.new")
    new.write_text(text)
    memory.write_text(_digest(text))
    new.replace(file)


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
        with psycopg.connect("", connect_timeout=3) as connection:
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


def _write_if_other(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
