"""What JupyterLab asks of the event: how one's copy stands, what to do about it, and to share one's work.

A server extension: `jupyter/config` names it. Its page is the lab extension `divebell` in `jupyter/share`.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join

from divebell.workspace import gallery_handler
from divebell.workspace.copy_words import Standing, news
from divebell.workspace.lab_handlers import HANDLERS, MOST_LISTED
from divebell.workspace.own_copy import FOLDER
from divebell.workspace.reporting import report
from divebell.workspace.watch import Watch

SCHEMA_ID = "urn:divebell:my-event"
_SCHEMA = {
    "$id": SCHEMA_ID,
    "version": "1",
    "title": "What the event brought",
    "type": "object",
    "properties": {"news": {"type": "string"}, "updated": {"type": "array", "items": {"type": "string"}}},
    "required": ["news", "updated"],
}


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "divebell.workspace.lab"}]


def _load_jupyter_server_extension(app: Any) -> None:
    """Add the handlers and begin to follow; outside an event there is nothing to add."""
    checkout = os.environ.get("DIVEBELL_CHECKOUT")
    if not checkout:
        return
    app.event_logger.register_event_schema(_SCHEMA)

    def tell(standing: Standing) -> None:
        arrived = standing.arrived
        changed = [*arrived.updated, *arrived.removed]
        app.event_logger.emit(
            schema_id=SCHEMA_ID,
            data={"news": news(arrived), "updated": [f"{FOLDER}/{path}" for path in changed[:MOST_LISTED]]},
        )

    watch = Watch(Path(checkout), Path(os.environ["HOME"]), tell, report)
    base = app.web_app.settings["base_url"]
    app.web_app.add_handlers(
        ".*$",
        [
            (url_path_join(base, "divebell", name), handler, {"watch": watch})
            for name, handler in HANDLERS.items()
        ]
        + [(url_path_join(base, "divebell", gallery_handler.PATTERN), gallery_handler.GalleryHandler)],
    )
    app.io_loop.add_callback(_begin, watch, app)


def _begin(watch: Watch, app: Any) -> None:
    app.divebell_following = asyncio.ensure_future(watch.run())  # a task nobody holds may be collected
