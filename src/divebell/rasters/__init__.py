"""Raster tiles of the event's GeoTIFFs, from the copies the loader keeps. Knows no page and no sign-in."""

from divebell.rasters.routes import routes
from divebell.rasters.workers import workers

__all__ = ["routes", "workers"]
