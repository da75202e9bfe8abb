"""What a volunteer tries from inside the container, and what becomes of it."""

import json
import socket
import subprocess
import threading
from contextlib import contextmanager

import psutil
import pytest

from divebell.containers.network import LABEL, event_key
from divebell.event import Containers
from volunteer import Browser, Kernel

REACH = """
import json, socket
def reach(host, port):
    with socket.socket() as s:
        s.settimeout(3)
        try:
            s.connect((host, port))
        except OSError as error:
            return type(error).__name__
        return "reached"
print(json.dumps([reach(*place) for place in {places!r}]))
"""


@pytest.fixture(scope="module")
def ana(volunteer):
    return volunteer("ana")[1]


@pytest.fixture(scope="module")
def where(event):
    return Containers.load(event.state)


@pytest.fixture
def listener():
    """Listen on every address of this machine, as a careless service does."""
    with socket.create_server(("0.0.0.0", 0)) as listening:
        threading.Thread(target=_accept, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]


def _accept(listening):
    try:
        while True:
            listening.accept()[0].close()
    except OSError:
        return


def container(engine, event, name):
    label = [f"{LABEL}={event_key(event.state)}", f"divebell.volunteer={name}"]
    return engine.containers.list(filters={"label": label})[0]


def reach(kernel, *places):
    return json.loads(kernel.run(REACH.format(places=list(places))))


def shell(kernel, command):
    return kernel.run(
        f"import subprocess; r = subprocess.run({command!r}, shell=True, text=True, capture_output=True);"
        " print(r.stdout + r.stderr)"
    )


def test_database_hub_and_web_app_are_reached(event, ana, where):
    ports = event.ports
    assert reach(ana, (where.gateway, ports.postgres), (where.gateway, ports.inside)) == [
        "reached",
        "reached",
    ]
    assert '"version"' in shell(ana, f"curl -sS http://{where.gateway}:{ports.inside}/hub/api")
    health = shell(ana, f"curl -sS http://{where.gateway}:{ports.inside}/services/event/health")
    assert json.loads(health) == {"status": "ok"}


def test_inside_there_is_no_sign_in_page_and_nobody_elses_server(event, ana, volunteer, where):
    volunteer("ben")
    for path in ("hub/login", "hub/home", "user/ben/api", "user/ana/api"):
        status = (
            f"curl -sS -o /dev/null -w '%{{http_code}}' http://{where.gateway}:{event.ports.inside}/{path}"
        )
        assert shell(ana, status).strip() == "404", path


def test_other_ports_and_addresses_of_the_host_are_closed(event, ana, where, listener):
    addresses = {where.gateway} | {
        each.address
        for each_interface in psutil.net_if_addrs().values()
        for each in each_interface
        if each.family == socket.AF_INET and not each.address.startswith("127.")
    }
    places = [(address, listener) for address in sorted(addresses)]
    places += [(address, event.ports.proxy) for address in sorted(addresses)]
    places += [
        (where.gateway, port) for port in (event.ports.hub, event.ports.web, event.ports.proxy_api, 22)
    ]
    for place in places:
        if ":" not in place[0] and place[0] in addresses:
            with socket.socket() as probe:
                probe.settimeout(2)
                open_from_here = probe.connect_ex(place) == 0
            if place[1] == listener:
                assert open_from_here  # else the test would prove nothing
    assert "reached" not in reach(ana, *places)


def test_containers_do_not_reach_each_other(engine, event, ana, volunteer, where):
    volunteer("ben")
    theirs = container(engine, event, "ben").attrs["NetworkSettings"]["Networks"][where.network]["IPAddress"]
    with socket.create_connection((theirs, 8888), timeout=3):
        pass  # from the host it answers
    assert "reached" not in reach(ana, (theirs, 8888))


@pytest.mark.root
def test_metadata_and_private_addresses_are_closed(ana):
    """They really listen while it is tried, on this machine's loopback interface."""
    with private_address("169.254.169.254"), private_address("10.213.7.9"):
        assert "reached" not in reach(ana, ("169.254.169.254", 80), ("10.213.7.9", 80))


@contextmanager
def private_address(address):
    """Listen at port 80 of an address for as long as the block lasts."""
    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    try:
        with socket.create_server((address, 80)) as listening:
            threading.Thread(target=_accept, args=(listening,), daemon=True).start()
            with socket.create_connection((address, 80), timeout=3):
                pass  # from the host it answers
            yield
    finally:
        subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


def test_packages_come_from_the_index_and_nothing_else_from_outside(ana):
    assert "Successfully installed" in shell(
        ana, "pip install --no-deps --quiet --quiet six && echo Successfully installed"
    )
    answer = shell(ana, "curl -sS --max-time 5 https://example.com/; curl -sS --max-time 5 http://1.1.1.1/")
    assert "Could not resolve host" in answer
    assert "Failed to connect" in answer or "refused" in answer


def test_there_is_no_docker_socket_no_root_and_no_capability(ana):
    assert "No such file" in shell(ana, "ls /var/run/docker.sock")
    assert shell(ana, "id -u").strip() not in {"0", ""}
    status = shell(ana, "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status").split()
    assert status == ["CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"]
    assert "Permission denied" in shell(ana, "su -c id 2>&1; cat /etc/shadow")


def test_nothing_but_the_home_can_be_written(event, ana):
    for place in (
        "/x",
        "/opt/event/x",
        "/etc/x",
        "/srv/event/x",
        "/srv/event/data/x",
        "/home/x",
        "/usr/bin/x",
    ):
        assert "Read-only file system" in shell(ana, f"touch {place}"), place
    assert shell(ana, "touch ~/x && rm ~/x && echo written").strip() == "written"


def test_limits_are_those_of_the_event_file(engine, event, volunteer):
    volunteer("ana")
    config = container(engine, event, "ana").attrs["HostConfig"]
    assert (config["Memory"], config["MemorySwap"]) == (512 * 1024**2, 512 * 1024**2)
    assert config["PidsLimit"] == 150
    assert config["CpuQuota"] == config["CpuPeriod"]
    assert config["ReadonlyRootfs"]
    assert config["CapDrop"] == ["ALL"]


@pytest.mark.root
def test_a_home_has_the_size_of_the_event_file(ana):
    size = int(shell(ana, "df --output=size -B1M ~ | tail -1"))
    assert 250 <= size <= 300


def test_no_image_of_ones_own_can_be_started(engine, event):
    browser = Browser(event.address.rstrip("/"))
    browser.claim("mallory", event.password)
    answer = browser.api("POST", "/hub/api/users/mallory/server", json={"image": "debian:12-slim"})
    assert answer.status_code in {400, 403, 404, 500}, answer.text
    label = [f"{LABEL}={event_key(event.state)}", "divebell.volunteer=mallory"]
    running = engine.containers.list(filters={"label": label})
    assert all("divebell-workspace" in each.attrs["Config"]["Image"] for each in running)
    browser.client.close()


def test_own_configuration_does_not_reach_the_server(event, volunteer):
    browser, kernel = volunteer("cleo")
    code = "c.ServerApp.root_dir = '/'; open('/tmp/configured', 'w')"
    shell(kernel, f'mkdir -p ~/.jupyter && echo "{code}" > ~/.jupyter/jupyter_server_config.py')
    kernel.close()
    browser.stop_notebook("cleo")
    browser.open_notebook("cleo")
    again = Kernel(browser, "cleo")
    assert "No such file" in shell(again, "ls /tmp/configured")
    again.close()
