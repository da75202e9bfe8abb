"""The process that is ready to become anybody's notebook server: `python -P -m divebell.workspace.warm`.

JupyterLab's libraries take a second of processor time to load. Here that is done once, and each volunteer
gets a fork, which shares the memory of the libraries besides. Standard input is a socket: each message brings
two descriptors, a socket of its own for one volunteer's start and the log. Only the fork reads from the
former, `{"uid", "gid", "environment"}`, and answers with its process number: what is secret to one volunteer
never comes into the process that others are forked from.

It ends when the socket's other end is closed; the servers go on.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
from typing import Any

from divebell.workspace import server, start
from divebell.workspace.privileges import take_on

READY = b"ready"
LONGEST_START = 1 << 20
"""Bytes of one volunteer's account and environment."""

LIBRARIES = (
    "divebell.workspace.lab",
    "IPython",
    "ipykernel.kernelspec",
    "jinja2.ext",
    "jupyter_core.migrate",
    "jupyter_server.extension.application",
    "jupyter_server.kernelspecs.handlers",
    "jupyter_server.nbconvert.handlers",
    "jupyter_server.serverapp",
    "jupyter_server.services.api.handlers",
    "jupyter_server.services.config.handlers",
    "jupyter_server.services.contents.handlers",
    "jupyter_server.services.events.handlers",
    "jupyter_server.services.kernels.handlers",
    "jupyter_server.services.kernelspecs.handlers",
    "jupyter_server.services.nbconvert.handlers",
    "jupyter_server.services.security.handlers",
    "jupyter_server.services.sessions.handlers",
    "jupyter_server.services.shutdown",
    "jupyter_server.view.handlers",
    "jupyter_server_terminals",
    "jupyterhub.log",
    "jupyterhub.scopes",
    "jupyterhub.services",
    "jupyterlab.commands",
    "jupyterlab.debuglog",
    "jupyterlab.extensions",
    "jupyterlab.handlers.announcements",
    "jupyterlab.handlers.build_handler",
    "jupyterlab.handlers.error_handler",
    "jupyterlab.handlers.extension_manager_handler",
    "jupyterlab.handlers.plugin_manager_handler",
    "jupyterlab_server",
    "notebook_shim.shim",
    "psutil",
    "tornado.platform.asyncio",
    "unittest.mock",
)
"""What is loaded beforehand. Not among them is what reads the environment while it is loaded, such as
`jupyterhub.singleuser` and `jupyterlab.labapp`: every fork loads that itself, with its volunteer's."""
_READ_THE_HOME = ("send2trash.plat_other",)
"""Loaded by the libraries nevertheless: these are loaded once more in the fork."""


def main() -> int:
    """Serve until the socket's other end is closed; give the exit code, in a fork that of its server."""
    gc.disable()
    server.leave_out_the_hub()
    for name in LIBRARIES:
        importlib.import_module(name)
    _leave_node_alone()
    if threading.active_count() > 1:
        raise RuntimeError("a library has started a thread, which would be missing in a fork")
    gc.collect()
    gc.freeze()  # else each collection in a fork would copy the libraries' pages
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the servers: the kernel forgets them
    with socket.socket(fileno=os.dup(0)) as control:
        control.send(READY)
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(control, 1, 2)
            except ConnectionError:
                return 0
            if not message:
                return 0
            if os.fork() == 0:
                control.close()
                return _be_server(*descriptors)
            for descriptor in descriptors:
                os.close(descriptor)


def _leave_node_alone() -> None:
    """Keep JupyterLab from asking node for a registry: a third of a second for what nobody builds here."""
    commands: Any = importlib.import_module("jupyterlab.commands")
    commands._yarn_config = lambda _: {"yarn config": {}, "npm config": {}}  # noqa: SLF001


def _be_server(descriptor: int, log: int) -> int:
    """In the fork: become one volunteer's server and be it until it ends; give its exit code."""
    _own_session(log)
    with socket.socket(fileno=descriptor) as private:
        _become(private)
    start.prepare()
    for name in _READ_THE_HOME:
        if name in sys.modules:
            importlib.reload(sys.modules[name])
    sys.argv[:] = [start.SERVER]
    return server.main()


def _own_session(log: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    gc.enable()


def _become(private: socket.socket) -> None:
    """Take on account and environment, and say who that is."""
    wanted = json.loads(private.recv(LONGEST_START))
    take_on(wanted["uid"], wanted["gid"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    private.send(str(os.getpid()).encode())


if __name__ == "__main__":
    raise SystemExit(main())
