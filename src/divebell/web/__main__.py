"""Serve the web app of the event in a folder: `python -m divebell.web FOLDER`."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

GRACE_SECONDS = 5


def main(arguments: list[str]) -> None:
    """Serve until told to stop."""
    # loaded here: each process that draws for the app is spawned, and begins with this module
    import uvicorn  # noqa: PLC0415

    from divebell.event import Ports, State, load_event, load_secrets  # noqa: PLC0415
    from divebell.web.app import app  # noqa: PLC0415

    folder = Path(arguments[0]).resolve()
    event = load_event(folder)
    state = State.beside(folder / "event.yaml")
    ports = Ports.load(state)
    config = uvicorn.Config(
        app(event, state, load_secrets(state), ports),
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=GRACE_SECONDS,
        access_log=False,
        server_header=False,
        lifespan="on",
    )
    # named TCP: only then does asyncio not wait 40 ms for what it sent last to be acknowledged
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEPORT, 1
        )  # the supervisor keeps the port for us
        listening.bind(("127.0.0.1", ports.web))
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main(sys.argv[1:])
