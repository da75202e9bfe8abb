"""Where the Python package index is: pip knows, and so do the settings of whoever runs the event."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from pip._internal.models.index import PyPI

INDEX = "PIP_INDEX_URL"


def index_hosts(settings: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Give the hosts that `pip install` talks to over HTTPS: the index and where it keeps its files."""
    chosen = urlsplit(settings.get(INDEX, "")).hostname
    return (chosen,) if chosen else (PyPI.netloc, PyPI.file_storage_domain)
