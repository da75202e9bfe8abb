from pathlib import Path

import pytest

from divebell.containers.box import Box, etc_files, host_config, mounts
from divebell.event.model import Workspace

BOX = Box(
    "ana",
    1_900_000_001,
    1_900_000_001,
    home=Path("/e/homes/ana"),
    etc=Path("/e/etc/ana"),
    checkout=Path("/e/checkout"),
    shared=Path("/e/shared"),
)


def test_a_container_has_no_privilege_and_the_limits_of_the_event_file():
    workspace = Workspace(memory="1.5 GB", cpus=0.5, processes=200, open_files=2_000)
    config = host_config(workspace, BOX)
    assert config["cap_drop"] == ["ALL"]
    assert config["security_opt"] == ["no-new-privileges:true"]
    assert config["read_only"]
    assert config["mem_limit"] == config["memswap_limit"] == 1.5 * 1024**3
    assert config["cpu_quota"] / config["cpu_period"] == 0.5
    assert config["pids_limit"] == 200
    assert {"Name": "nofile", "Soft": 2_000, "Hard": 2_000} in config["ulimits"]


def test_only_the_home_is_writable_and_no_socket_is_mounted():
    found = mounts(Workspace(), BOX)
    assert [mount["Source"] for mount in found if not mount["ReadOnly"]] == ["/e/homes/ana"]
    assert not any("docker" in mount["Source"] for mount in found)


@pytest.mark.parametrize(("internet", "closed"), [("packages", True), ("none", True), ("all", False)])
def test_nobody_is_asked_for_names_while_the_internet_is_closed(internet, closed):
    files = etc_files(Workspace(internet=internet), BOX)
    assert ("resolv.conf" in files) == closed
    assert "ana:x:1900000001:1900000001:ana:/home/ana:/bin/bash" in files["passwd"]
