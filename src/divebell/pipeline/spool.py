"""Have one file read by a process of its own and take over what it wrote."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from divebell.database.account import FIRST_UID, ending_with_us, interpreter_paths, run_as
from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.event.state import STATE_VARIABLE
from divebell.pipeline.read import DESCRIPTION, cpu_seconds
from divebell.readers import GEOMETRY_COLUMN, Column, Geometry

READER_UID = FIRST_UID - 1
"""As root, the account that opens strangers' files: nobody's, and no volunteer's."""
_LFS = b"version https://git-lfs.github.com/spec/v1\n"
_KEPT_VARIABLES = ("PATH", "LANG", "TZ", "PYTHONPATH", STATE_VARIABLE)
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_prctl: Callable[..., int] = ctypes.CDLL(None).prctl


@dataclass(frozen=True)
class SpooledLayer:
    """One layer, its rows in an Arrow file."""

    name: str | None
    columns: tuple[Column, ...]
    geometry: Geometry | None
    warnings: tuple[str, ...]
    file: Path

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give the rows: the columns in order, then `geom` if there is a geometry."""
        with pa.memory_map(str(self.file)) as source:
            reader = pa.ipc.open_file(source)
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                batch.validate(full=True)
                yield batch


@dataclass(frozen=True)
class Spooled:
    """What a reader made of a file; `format` is None where no reader takes it for data."""

    format: str | None
    layers: tuple[SpooledLayer, ...]


def spool(path: Path, hint: DatasetHint, folder: Path) -> Spooled:
    """Read the file at `path` into the empty folder `folder`.

    Raises DivebellError with the reason in words, whatever becomes of the reading process.
    """
    _refuse_pointer(path)
    code = _run(path, hint, folder)
    try:
        answer = json.loads((folder / DESCRIPTION).read_text())
    except (FileNotFoundError, ValueError):
        raise DivebellError(_end(code, path)) from None
    if "error" in answer:
        raise DivebellError(answer["error"], next_step=answer.get("next_step"))
    layers = tuple(_layer(facts, folder / f"{number}.arrow") for number, facts in enumerate(answer["layers"]))
    return Spooled(answer["format"], layers)


def command(path: Path, folder: Path) -> list[str]:
    """Give the command of the reading process, which is never root: `folder` is then given to its account."""
    argv = [sys.executable, "-m", "divebell.pipeline.read", str(path), str(folder)]
    if os.geteuid() == 0:
        os.chown(folder, READER_UID, READER_UID)
    reachable = [*interpreter_paths(), path.parent]
    return ending_with_us(run_as(READER_UID, READER_UID, argv, reachable=reachable, writable=[folder]))


def _run(path: Path, hint: DatasetHint, folder: Path) -> int:
    variables = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    process = subprocess.Popen(
        command(path, folder),
        cwd=folder,
        env=variables | {"HOME": str(folder), "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent if threading.current_thread() is threading.main_thread() else None,  # noqa: PLW1509
    )
    try:
        # Processor time is limited in the process itself; a process that merely sleeps is ended here.
        process.communicate(hint.model_dump_json().encode(), timeout=3 * cpu_seconds(path.stat().st_size))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    # where another process stands in between, it tells a signal as a shell does
    return process.returncode if process.returncode <= 128 else 128 - process.returncode


def _end_with_parent() -> None:
    _prctl(_DEATH_SIGNAL, signal.SIGKILL)


def _refuse_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise DivebellError(
                "its contents are kept with Git LFS and are not in the repository itself",
                next_step="commit the file without Git LFS (git lfs migrate export)",
            )


def _end(code: int, path: Path) -> str:
    if code in {-signal.SIGXCPU, -signal.SIGKILL}:
        return f"reading it took longer than {cpu_seconds(path.stat().st_size)} seconds, so it was stopped"
    if code == -signal.SIGXFSZ:
        return "it unpacks to more than this machine should hold"
    if code < 0:
        return (
            f"reading it crashed ({signal.Signals(-code).name}); the file is damaged or needs too much memory"
        )
    return "reading it failed without a reason; the loader's log has more"


def _layer(facts: dict[str, object], file: Path) -> SpooledLayer:
    with pa.memory_map(str(file)) as source:
        schema = pa.ipc.open_file(source).schema
    geometry = facts["geometry"]
    fields = list(schema)[:-1] if geometry else list(schema)
    if geometry and schema[-1].name != GEOMETRY_COLUMN:
        raise DivebellError("the reader gave no geometry column although it announced one")
    columns = tuple(
        Column(field.name, original, field.type)
        for field, original in zip(fields, facts["originals"], strict=True)  # type: ignore[call-overload]
    )
    return SpooledLayer(
        name=facts["name"],  # type: ignore[arg-type]
        columns=columns,
        geometry=Geometry(**geometry) if isinstance(geometry, dict) else None,
        warnings=tuple(facts["warnings"]),  # type: ignore[arg-type]
        file=file,
    )
