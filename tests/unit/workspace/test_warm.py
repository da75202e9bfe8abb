"""What is loaded before anybody is known must know nobody."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from divebell.workspace import warm

LOOK = """
import importlib, inspect, json, os, sys
mark = os.environ["HOME"]
from divebell.workspace import server, warm
server.leave_out_the_hub()
for name in warm.LIBRARIES:
    importlib.import_module(name)

def marked(value):
    return isinstance(value, (str, bytes, os.PathLike)) and mark in str(value)

found = set()
for name, module in list(sys.modules.items()):
    if name in {"__main__", "__mp_main__", "os", "posix", "site"}:  # what `site` knows, nobody asks for
        continue
    for key, value in list(getattr(module, "__dict__", {}).items()):
        if marked(value):
            found.add(name)
        if inspect.isfunction(value) and any(map(marked, value.__defaults__ or ())):
            found.add(name)
        if isinstance(value, type) and value.__module__ == name:
            for one in list(vars(value).values()):
                inside = vars(one).values() if type(one).__module__.startswith("traitlets") else ()
                if marked(one) or any(map(marked, inside)):
                    found.add(name)
print(json.dumps([sorted(found), sorted(sys.modules)]))
"""


def look(**variables):
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOOK],
        env={"PATH": os.defpath, "HOME": "/home/of-nobody", "PYTHONNOUSERSITE": "1", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_only_what_is_loaded_again_keeps_anything_of_the_environment_it_was_loaded_in():
    names = ("HOST", "SERVICE_PREFIX", "API_URL", "API_TOKEN", "BASE_URL", "CLIENT_ID", "USER", "SERVER_NAME")
    kept, loaded = look(**{f"JUPYTERHUB_{name}": "/home/of-nobody" for name in names})
    assert set(kept) <= set(warm._READ_THE_HOME)
    assert not {"jupyterhub.singleuser", "jupyterhub.services.auth", "jupyterlab.labapp"} & set(loaded)


def test_it_is_ready_once_all_is_loaded_and_ends_when_the_hub_is_gone():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with subprocess.Popen([sys.executable, "-P", "-m", "divebell.workspace.warm"], stdin=theirs) as process:
        theirs.close()
        ours.settimeout(240)
        assert ours.recv(16) == warm.READY
        ours.close()
        assert process.wait(60) == 0
