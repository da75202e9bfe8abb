"""Processes that draw: with GDAL's drivers for pictures and no other."""

from __future__ import annotations

from divebell.pipeline.reading.workers import Limits, Workers

LIMITS = Limits(at_once=2, waiting=200, memory_bytes=3 * 1024**3, seconds=10)
_CACHE_MB = 64
_DRIVERS = frozenset({"GTiff", "COG", "PNG", "WEBP", "MEM", "VRT"})


def workers() -> Workers:
    """Give the processes that draw, which start when first needed."""
    return Workers(LIMITS, _begin)


def _begin() -> None:
    """Leave no driver that could read anything else."""
    import rasterio  # noqa: PLC0415

    with rasterio.Env() as every:
        skip = ",".join(sorted(set(every.drivers()) - _DRIVERS))
    settings = {
        "GDAL_SKIP": skip,
        "GDAL_CACHEMAX": _CACHE_MB,
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_PAM_ENABLED": "NO",
        "GDAL_NUM_THREADS": "1",
    }
    from rasterio import _env  # noqa: PLC0415

    _env._have_registered_drivers = False  # noqa: SLF001 - GDAL applies GDAL_SKIP whenever drivers are registered
    rasterio.Env(**settings).__enter__()  # for as long as the process lives
