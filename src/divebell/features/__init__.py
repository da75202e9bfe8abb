"""OGC API - Features, Part 1: the event's tables for QGIS, GDAL and scripts. Knows no sign-in."""

from divebell.features.routes import routes

__all__ = ["routes"]
