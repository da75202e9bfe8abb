"""The process that opens one stranger's file: `python -m divebell.pipeline.read FILE FOLDER`, hint on stdin.

It holds no secret and runs under limits, so the worst a file can do is to end this process. Each layer
becomes an Arrow file `0.arrow`, `1.arrow`, ... in FOLDER, and `layers.json` describes them.
"""

from __future__ import annotations

import ctypes
import json
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint

MEMORY_BYTES = 6 * 1024**3
"""Address space, of which libraries reserve far more than they use."""
CPU_SECONDS = 120
CPU_SECONDS_PER_MB = 3
WRITTEN_BYTES = 20 * 1024**3
DESCRIPTION = "layers.json"
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of <linux/sched.h>


class _Absent:
    """Hides pandas, which pyarrow and pyogrio import if they can: most of the time a small file takes."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Answer the import system."""
        if name in {"pandas", "geopandas"}:
            raise ModuleNotFoundError(name=name)


def cpu_seconds(file_bytes: int) -> int:
    """Give the processor time a file of this size may take, in seconds."""
    return CPU_SECONDS + CPU_SECONDS_PER_MB * (file_bytes // 1024**2)


def main(arguments: list[str]) -> int:
    """Read one file; 0 when `layers.json` holds layers, 1 when it holds the reason why not."""
    path, folder = Path(arguments[0]), Path(arguments[1])
    _limit(path.stat().st_size)
    _leave_network()
    sys.meta_path.insert(0, _Absent())
    hint = DatasetHint.model_validate_json(sys.stdin.read())
    try:
        answer = _read(path, hint, folder)
    except DivebellError as error:
        answer = {"error": error.message, "next_step": error.next_step}
    except MemoryError:
        answer = {"error": f"reading it needs more than {MEMORY_BYTES // 1024**3} GB of memory"}
    except Exception as error:  # noqa: BLE001 - whatever a library makes of the file, it is the reason
        traceback.print_exc()
        answer = {"error": f"it could not be read: {type(error).__name__}: {error}"}
    (folder / DESCRIPTION).write_text(json.dumps(answer), "utf-8", "backslashreplace")
    return 1 if "error" in answer else 0


def _limit(file_bytes: int) -> None:
    seconds = cpu_seconds(file_bytes)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, WRITTEN_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (soft, hard if what == resource.RLIMIT_CPU else soft))


def _leave_network() -> None:
    """Go where there is no network, so that no file can make a library fetch an address.

    Where the machine does not allow it the reading goes on: the formats' own libraries are limited as well.
    """
    unshare = ctypes.CDLL(None).unshare
    if unshare(_NEW_NETWORK) != 0:
        unshare(_NEW_USER | _NEW_NETWORK)


def _read(path: Path, hint: DatasetHint, folder: Path) -> dict[str, Any]:
    from divebell.readers import reader_for  # noqa: PLC0415 - the limits above hold for its imports too

    reader = reader_for(path)
    if reader is None:
        return {"format": None, "layers": []}
    layers = reader.read(path, hint)
    return {
        "format": reader.name,
        "layers": [_write(layer, folder / f"{number}.arrow") for number, layer in enumerate(layers)],
    }


def _write(layer: Any, file: Path) -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415

    fields = [pa.field(column.name, column.type) for column in layer.columns]
    if layer.geometry:
        from divebell.readers import GEOMETRY_COLUMN  # noqa: PLC0415

        fields.append(pa.field(GEOMETRY_COLUMN, pa.binary()))
    schema = pa.schema(fields)
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
        for batch in layer.batches():
            out.write_batch(batch if batch.schema.equals(schema) else _as(batch, schema))
    geometry = layer.geometry
    return {
        "name": layer.name,
        "originals": [column.original for column in layer.columns],
        "geometry": geometry and {"type": geometry.type, "crs": geometry.crs, "crs_wkt": geometry.crs_wkt},
        "warnings": list(layer.warnings),
    }


def _as(batch: Any, schema: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    arrays = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.record_batch(arrays, schema=schema)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
