"""A bare cloud machine to deploy to: a whole Debian or Ubuntu with systemd and sshd, booted in a container.

    with booted_target() as target:
        target.ssh("systemctl is-system-running")

It has an address of its own on a network of its own, runs Docker inside itself, and mounts file systems from files.
Other than on a real machine, its kernel is this machine's: a power cut loses what ran, not what the kernel had yet to write.
"""

from __future__ import annotations

import fcntl
import os
import resource
import selectors
import shlex
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import docker
from docker.errors import NotFound

from divebell.containers.engine import connected
from target_image import BASE, ensure_image, release_asked

LABEL = "divebell-target"
HOST = "dive.example"
"""The machine's own name, which it finds itself by; its event's too, as the DNS would have it."""
OUTSIDE_MTU = 1400
BOOT_SECONDS = 180
STOP_SECONDS = 90
SCAN_SECONDS = 0.5
AT_ONCE = 4000
"""Ports tried together, as far as this process may have so many sockets."""


@dataclass(frozen=True)
class Target:
    """A booted machine, and how one gets in."""

    name: str
    folder: Path
    """Keys of this machine for the machine: `key`, `key.pub`, `known_hosts`, `ssh_config`."""

    @property
    def address(self) -> str:
        """Its address as this machine reaches it."""
        shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker_command("inspect", "--format", shown, self.name).stdout.strip()

    @property
    def gateway(self) -> str:
        """This machine's address as the machine reaches it."""
        shown = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"
        return docker_command("inspect", "--format", shown, self.name).stdout.strip()

    @property
    def key(self) -> Path:
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        """A file for `ssh -F`, in which `target` and the address are the machine."""
        return self.folder / "ssh_config"

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which ansible and what it calls reach the machine."""
        return {**os.environ, "ANSIBLE_SSH_ARGS": f"-F {self.ssh_config}"}

    def ssh(
        self, command: str, *, user: str = "root", check: bool = True, timeout: float = 300, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command there; fail with what it said when it fails."""
        words = ["ssh", "-F", str(self.ssh_config), f"{user}@target", command]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=timeout, check=False, input=stdin
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def put(self, here: Path, there: str) -> None:
        """Copy a file or a folder's contents there, as root."""
        docker_command("cp", str(here), f"{self.name}:{there}")

    def reboot(self) -> None:
        """Shut the machine down in order and start it."""
        docker_command("stop", "--time", str(STOP_SECONDS), self.name, timeout=2 * STOP_SECONDS + 60)
        self.start()

    def power_cut(self) -> None:
        """End everything at once, without a word to anybody, and start the machine."""
        docker_command("kill", self.name)
        docker_command("wait", self.name)
        self.start()

    def start(self) -> None:
        """Start the machine and wait until one gets in."""
        docker_command("start", self.name)
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until sshd lets one in, and learn the machine's key."""
        deadline = time.monotonic() + BOOT_SECONDS
        while not (key := self._host_key()) or not self._accepts(key):
            assert time.monotonic() < deadline, f"{self.name} did not boot:\n{self.console()}"
            time.sleep(0.2)

    def journal(self, *options: str) -> str:
        """Give the journal, or what `journalctl` picks from it."""
        return self.ssh(shlex.join(["journalctl", "--no-pager", *options]), check=False).stdout

    def console(self) -> str:
        """Give what the machine said before anybody could get in."""
        return docker_command("logs", self.name, check=False).stdout

    def open_ports(self) -> list[int]:
        """Try every TCP port from this machine, as anybody outside can; give those that answer."""
        address, every = self.address, range(1, 65536)
        size = min(AT_ONCE, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        batches = (every[start : start + size] for start in range(0, len(every), size))
        return [port for batch in batches for port in answering(address, batch)]

    def _host_key(self) -> str:
        shown = docker_command("exec", self.name, "cat", "/etc/ssh/ssh_host_ed25519_key.pub", check=False)
        return " ".join(shown.stdout.split()[:2]) if shown.returncode == 0 else ""

    def _accepts(self, host_key: str) -> bool:
        address = self.address
        self.known_hosts.write_text(f"{address} {host_key}\n")
        self.ssh_config.write_text(_ssh_config(address, self))
        try:
            return self.ssh("true", check=False, timeout=20).returncode == 0
        except subprocess.TimeoutExpired:
            return False


@contextmanager
def booted_target(
    *, python: bool = True, docker_volume: str = "", own_volume: str = "", release: str = ""
) -> Iterator[Target]:
    """Boot a bare machine; when the block ends, nothing of it is left.

    `docker_volume` is copied to the machine's /var/lib/docker beforehand: images a slow line would have to bring.
    `own_volume` is its /var/lib/docker itself, and stays. `release` is its system; left out, the one that
    `DIVEBELL_TARGET_RELEASE` names, else the oldest we support.
    """
    name = f"divebell-target-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        client = stack.enter_context(connected())
        image = ensure_image(client, release or release_asked(), python=python)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}-")))
        stack.callback(_remove, client, name)
        network = {"com.docker.network.driver.mtu": str(OUTSIDE_MTU)}
        client.networks.create(name, driver="bridge", options=network, labels={LABEL: name})
        volume = own_volume or f"{name}-docker"
        client.volumes.create(volume, labels={LABEL: name})
        if docker_volume:
            fill_volume(client, docker_volume, volume)
        target = Target(name, folder)
        docker_command(*boot_command(name, image, volume))
        _let_in(target)
        target.wait_until_up()
        yield target


def boot_command(name: str, image: str, volume: str) -> list[str]:
    """Give the arguments of docker that start a machine. Pure but for this machine's name servers."""
    unconfined = [f"--security-opt={what}=unconfined" for what in ("seccomp", "apparmor", "systempaths")]
    devices = ["b 7:* rmw", "c 10:237 rmw", "c 10:229 rmw"]  # loop devices, their control, fuse
    return [
        "run", "--detach", "--name", name, "--hostname", HOST, "--label", f"{LABEL}={name}",
        "--network", name, "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", *unconfined,
        *(f"--device-cgroup-rule={rule}" for rule in devices), "--cgroupns=private",
        "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec",
        "--stop-signal", "SIGRTMIN+3",
        "--volume", "/var/lib/containerd",  # Docker 29 has images there, which no container's own disk can hold
        "--volume", f"{volume}:/var/lib/docker", "--env", f"NAMESERVERS={' '.join(name_servers())}", image,
    ]  # fmt: skip


def name_servers() -> list[str]:
    """Give the name servers a machine beside this one can use: none on loopback."""
    files = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
    lines = [line.split() for path in files if path.exists() for line in path.read_text().splitlines()]
    named = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    return [each for each in dict.fromkeys(named) if not each.startswith("127.")]


def fill_volume(client: docker.DockerClient, source: str, into: str) -> None:
    """Copy an engine's folder from one volume into another.

    The layers of images, which no engine ever changes, are linked: that takes seconds instead of a minute.
    """
    volumes = f"{client.info()['DockerRootDir']}/volumes"
    script = (
        f"cp -al /volumes/{source}/_data/overlay2 /volumes/{into}/_data/ && cd /volumes/{source}/_data && "
        f"find . -mindepth 1 -maxdepth 1 ! -name overlay2 -exec cp -a {{}} /volumes/{into}/_data/ \\;"
    )
    with locked(source, fcntl.LOCK_SH):
        docker_command("run", "--rm", f"--volume={volumes}:/volumes", BASE, "sh", "-c", script, timeout=300)


@contextmanager
def locked(name: str, how: int) -> Iterator[None]:
    """Hold a lock that all test runs of this machine know, shared or alone (`fcntl.LOCK_SH`, `LOCK_EX`)."""
    with (Path(tempfile.gettempdir()) / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, how)
        yield


def answering(address: str, ports: Sequence[int]) -> list[int]:
    """Give those of some TCP ports that take a connection within half a second."""
    with ExitStack() as stack:
        waiting = selectors.DefaultSelector()
        stack.callback(waiting.close)
        for port in ports:
            trying = stack.enter_context(socket.socket())
            trying.setblocking(False)
            trying.connect_ex((address, port))
            waiting.register(trying, selectors.EVENT_WRITE, port)
        found, deadline = [], time.monotonic() + SCAN_SECONDS
        while waiting.get_map() and (left := deadline - time.monotonic()) > 0:
            for answered, _ in waiting.select(left):
                waiting.unregister(answered.fileobj)
                tried = cast("socket.socket", answered.fileobj)
                if not tried.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    found.append(answered.data)
        return sorted(found)


def _let_in(target: Target) -> None:
    """Give root and the account with sudo the key of this machine, as a provider does."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(target.key)]
    subprocess.run(words, check=True, timeout=30)
    public = target.key.with_suffix(".pub").read_text()
    for user, home in (("root", "/root"), ("admin", "/home/admin")):
        script = f"install -d -m 700 -o {user} {home}/.ssh && cat > {home}/.ssh/authorized_keys && chown {user} {home}/.ssh/authorized_keys"
        docker_command("exec", "-i", target.name, "sh", "-c", script, stdin=public)


def _ssh_config(address: str, target: Target) -> str:
    options: Mapping[str, object] = {
        "HostName": address,
        "IdentityFile": target.key,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": target.known_hosts,
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
        "ConnectTimeout": 10,
        "LogLevel": "ERROR",
    }
    return f"Host target {address}\n" + "".join(f"  {name} {value}\n" for name, value in options.items())


def _remove(client: docker.DockerClient, name: str) -> None:
    for take_away in (
        lambda: client.containers.get(name).remove(force=True, v=True),
        lambda: client.volumes.get(f"{name}-docker").remove(force=True),
        lambda: client.networks.get(name).remove(),
    ):
        try:
            take_away()
        except NotFound:
            continue


def docker_command(
    *arguments: str, check: bool = True, timeout: float = 120, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the docker command of this machine; fail with what it said when it fails."""
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False, input=stdin
    )
    assert not check or done.returncode == 0, f"docker {shlex.join(arguments)}\n{done.stdout}{done.stderr}"
    return done
