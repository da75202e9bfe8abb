"""divebell runs a data event from one file. In a notebook: ``divebell.engine()``, ``divebell.share()``."""

from divebell._version import __version__

__all__ = ["__version__"]
