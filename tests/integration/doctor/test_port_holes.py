"""Ports: what listens too widely is named, with its process."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from divebell.event.state import STATE_VARIABLE
from live import free_port

LISTEN = """
import socket, sys, time
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET
with socket.socket(family, kind) as listening:
    listening.bind((sys.argv[2], int(sys.argv[3])))
    if kind == socket.SOCK_STREAM:
        listening.listen()
    print("listening", flush=True)
    time.sleep(600)
"""


@contextmanager
def listener(event, kind, address, port):
    """Keep a process of the event listening."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN, kind, address, str(port)],
        env={**os.environ, STATE_VARIABLE: str(event.state.folder)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "listening\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(("kind", "address"), [("tcp", "0.0.0.0"), ("udp", "0.0.0.0"), ("tcp", "::")])
def test_a_process_that_listens_to_the_world_is_named(event, found, kind, address):
    port = free_port()
    with listener(event, kind, address, port) as pid:
        told = found("ports.listening")
    assert [finding.verdict for finding in told] == ["open"]
    assert f"(process {pid}) at {kind} {address} port {port}" in told[0].what
    assert told[0].mend.startswith(f"kill {pid}")


def test_a_process_on_loopback_is_fine(event, found):
    with listener(event, "tcp", "127.0.0.1", free_port()):
        assert [finding.verdict for finding in found("ports.listening")] == ["ok"]


def test_a_port_that_answers_at_the_machines_address_is_named(event, found):
    port = free_port()
    with listener(event, "tcp", "0.0.0.0", port):
        told = found("ports.reachable")
    assert {finding.verdict for finding in told} == {"open"}
    assert f"port {port} of the event answers at " in told[0].what


def test_a_postgresql_that_listens_to_the_world_is_named(event, found, sql, restart):
    sql("ALTER SYSTEM SET listen_addresses = '*'")
    try:
        restart("postgres")
        told = found("ports.postgres")
        reached = found("ports.reachable")
    finally:
        sql("ALTER SYSTEM RESET listen_addresses")
        restart("postgres")
    assert f"PostgreSQL listens at 0.0.0.0 port {event.ports.postgres}" in [finding.what for finding in told]
    assert any(f"port {event.ports.postgres} of the event answers" in finding.what for finding in reached)
    assert [finding.verdict for finding in found("ports.postgres")] == ["ok"]


BRIDGE = "dvb-test"


@pytest.mark.root
def test_an_engine_that_takes_orders_over_tcp_is_named(found, tmp_path):
    port = free_port()
    places = {name: str(tmp_path / name) for name in ("data-root", "exec-root", "pidfile")}
    options = [f"--{name}={place}" for name, place in places.items()]
    # a bridge of its own: with none, an engine takes the default one away from the engine that has it
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True)
    subprocess.run(["ip", "address", "add", "10.213.8.1/24", "dev", BRIDGE], check=True)
    with (tmp_path / "log").open("wb") as log:
        engine = subprocess.Popen(
            ["dockerd", *options, "-H", f"tcp://127.0.0.1:{port}", "--iptables=false", f"--bridge={BRIDGE}"],
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(port, engine, tmp_path / "log")
        told = found("ports.engine")
    finally:
        engine.terminate()
        engine.wait(timeout=60)
        subprocess.run(["umount", "--lazy", tmp_path / "data-root"], capture_output=True, check=False)
        shutil.rmtree(tmp_path / "data-root", ignore_errors=True)
        subprocess.run(["ip", "link", "delete", BRIDGE], check=True)
    assert f"the Docker engine takes orders at 127.0.0.1 port {port}" in [finding.what for finding in told]


def wait_for(port, process, log):
    deadline = time.monotonic() + 120
    while True:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
