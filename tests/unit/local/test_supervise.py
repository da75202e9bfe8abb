"""Ports that stay ours while a part restarts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from divebell.local.supervise import keep_ports
from live import free_port

TAKE = """
import socket, sys
port, option = map(int, sys.argv[1:])
thief = socket.socket()
if option:
    thief.setsockopt(socket.SOL_SOCKET, option, 1)
thief.bind(("127.0.0.1", port))
thief.listen()
"""


@pytest.fixture
def kept():
    port = free_port()
    [descriptor] = keep_ports([port])
    assert descriptor >= 1024
    yield port
    os.close(descriptor)


@pytest.mark.parametrize("option", [0, socket.SO_REUSEADDR, socket.SO_REUSEPORT])
def test_no_other_account_takes_a_kept_port(kept, option):
    if os.geteuid() != 0:
        pytest.fail("run as root: volunteers have own accounts only then")
    account = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]
    command = [*account, sys.executable, "-I", "-c", TAKE, str(kept), str(option)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "Address already in use" in result.stderr


def test_the_part_whose_port_it_is_takes_it_and_gets_every_connection(kept):
    for _ in range(2):  # it ends, and is started again
        with (
            socket.create_server(("127.0.0.1", kept), reuse_port=True) as part,
            socket.create_connection(("127.0.0.1", kept), timeout=60),
        ):
            part.settimeout(60)
            part.accept()[0].close()
