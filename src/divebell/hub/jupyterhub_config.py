"""What JupyterHub is started with: `python -m divebell.hub` reads it; `DIVEBELL_STATE` says which event."""

import asyncio
import os
from functools import partialmethod
from pathlib import Path

from tornado.httpserver import HTTPServer

from divebell import notify
from divebell.event import Ports, State, load_event, load_secrets
from divebell.event.state import STATE_VARIABLE
from divebell.hub.config import configure

# The supervisor keeps our port while we restart; JupyterHub has no setting that lets us bind it besides.
HTTPServer.listen = partialmethod(HTTPServer.listen, reuse_port=True)  # type: ignore[method-assign,assignment]
state = State(Path(os.environ[STATE_VARIABLE]))
beside = configure(
    get_config(),  # type: ignore[name-defined]  # noqa: F821
    load_event(state.event_file),
    state,
    load_secrets(state),
    Ports.load(state),
)
loop = asyncio.get_running_loop()
tasks = [loop.create_task(each()) for each in (notify.keep_beating, *beside)]
