"""What tests have the process do that examines shared work; it finds functions by the name of their module."""

import json
import os
import signal
import socket
from pathlib import Path

from divebell.gallery.drawing import Drawn


def end(*_):
    os.abort()


def what_is_left(_, contents):
    """Say what the process can do besides: `contents` names a folder that anybody may write to."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    found = {
        "interfaces": [name for _, name in socket.if_nameindex() if name != "lo"],
        "written": _written(Path(contents.decode(), "x")),
        "secret": os.environ.get("DIVEBELL_SECRET"),
    }
    return Drawn(json.dumps(found))


def _written(file):
    try:
        file.write_text("x" * 10_000)
    except OSError:
        return False
    return True
