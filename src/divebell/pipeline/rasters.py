"""Keep each GeoTIFF's cloud-optimised copy in the state folder, and say in the catalogue what it holds.

The copy is named after what it was made from and never changes: whoever draws from it is never surprised.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from divebell.errors import DivebellError
from divebell.event import State
from divebell.event.model import DatasetHint
from divebell.pipeline import catalogue
from divebell.pipeline.catalogue import Connection, storable
from divebell.pipeline.reading.frames import Raster, Rows
from divebell.pipeline.reading.service import FileRefusedError, Readings
from divebell.pipeline.stage import expect

MAKE = "1"
"""Changes when copies are made in another way: all are made anew then."""
MOST_BYTES = 10 * 1024**3
_log = logging.getLogger(__name__)


def version(identity: str) -> str:
    """Name the copy of a file; `identity` is that of the dataset's catalogue row."""
    return f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}-{MAKE}"


def keep(
    connection: Connection,
    readings: Readings,
    state: State,
    hints: Mapping[str, DatasetHint],
    progress: Callable[[str], None],
) -> None:
    """Make the copies that are missing and drop those of files that are gone.

    What cannot be drawn is told in the catalogue. Raises what psycopg raises when the database goes away.
    """
    state.rasters.mkdir(mode=0o755, exist_ok=True)
    rows = connection.execute(catalogue.query("rasters")).fetchall()
    for table, file, identity, known in rows:
        wanted = version(identity)
        if known != wanted:
            progress(f"Making {file} ready for maps")
            _one(connection, readings, state, (table, file, wanted, hints.get(file, DatasetHint())))
    _tidy(state.rasters, {version(identity) for _, _, identity, _ in rows})


def _one(
    connection: Connection, readings: Readings, state: State, wanted: tuple[str, str, str, DatasetHint]
) -> None:
    table, file, name, hint = wanted
    facts = state.rasters / f"{name}.json"
    try:
        said = Raster.model_validate_json(facts.read_bytes())
    except (FileNotFoundError, ValidationError):
        try:
            said = _made(readings, state.checkout / file, hint, state.rasters / name)
        except FileRefusedError as error:
            if not error.passing:
                _say(connection, table, name, reason=str(error))
            return
        except (DivebellError, OSError) as error:
            _log.warning("%s cannot be drawn: %s", file, error)
            _say(connection, table, name, reason=str(error))
            return
    _say(connection, table, name, facts=said.model_dump_json())


def _made(readings: Readings, source: Path, hint: DatasetHint, target: Path) -> Raster:
    """Have a copy made; its facts are written last, so that they never speak of half a file."""
    new = target.with_suffix(".new")
    try:
        with readings.read(source, hint, raster=True) as told, new.open("wb") as file:
            said = expect(told, Raster)
            _write(file, (one.data for one in told if isinstance(one, Rows)))
            file.flush()
            os.fsync(file.fileno())
        new.chmod(0o644)
        new.replace(target.with_suffix(".tif"))
        new.write_text(said.model_dump_json())
        new.chmod(0o644)
        new.replace(target.with_suffix(".json"))
    finally:
        new.unlink(missing_ok=True)
    return said


def _write(file: BinaryIO, pieces: Iterable[bytes]) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MOST_BYTES:
            raise DivebellError(f"its copy is larger than {MOST_BYTES // 1024**3} GB")
        file.write(piece)


def _say(
    connection: Connection, table: str, name: str, *, facts: str | None = None, reason: str | None = None
) -> None:
    connection.execute(
        "INSERT INTO catalogue.raster (table_name, version, facts, reason) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (table_name) DO UPDATE SET version = excluded.version, facts = excluded.facts,"
        " reason = excluded.reason",
        (table, name, facts, storable(reason[:2000]) if reason else None),
    )


def _tidy(folder: Path, wanted: set[str]) -> None:
    for file in folder.iterdir():
        if file.stem not in wanted:
            file.unlink(missing_ok=True)
