"""What a volunteer's container may and may not, as the engine's arguments. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from divebell.event.model import Internet, Workspace

PORT = 8888
CHECKOUT = "/srv/event"
SHARED = "/srv/shared"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_SCRATCH = "rw,exec,nosuid,nodev,mode=1777"
_LATE_VICTIM = 500
"""oom_score_adj of all in a container: when the whole machine is short, notebooks go before the event."""


@dataclass(frozen=True)
class Box:
    """One volunteer's container."""

    name: str
    uid: int
    gid: int
    home: Path
    etc: Path
    """A folder with the files of `etc_files` for this container."""
    checkout: Path
    shared: Path
    public: Path | None = None
    """A folder to stand for `public` in the home, where that cannot be shared from the home's own disk."""
    certificates: Path | None = None
    """The certificates this machine trusts, which containers trust as well."""
    hosts: dict[str, str] = field(default_factory=dict)
    """Names that are found at another address in here."""

    @property
    def home_inside(self) -> str:
        """The home as its owner sees it."""
        return f"/home/{self.name}"


def host_config(workspace: Workspace, box: Box) -> dict[str, Any]:
    """Give the engine's HostConfig arguments, as `docker.APIClient.create_host_config` takes them.

    Memory, swap included, CPU, processes and open files are those of the event file.
    """
    return {
        "auto_remove": False,
        "mem_limit": workspace.memory_bytes,
        "memswap_limit": workspace.memory_bytes,
        "cpu_period": 100_000,
        "cpu_quota": int(workspace.cpus * 100_000),
        "pids_limit": workspace.processes,
        "ulimits": [
            {"Name": "nofile", "Soft": workspace.open_files, "Hard": workspace.open_files},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "read_only": True,
        "tmpfs": {
            folder: f"{_SCRATCH},size={size}"
            for folder, size in (("/tmp", workspace.memory_bytes // 2), ("/run", "16m"), ("/var/tmp", "256m"))  # noqa: S108
        },
        "shm_size": min(workspace.memory_bytes // 4, 256 * 1024**2),
        "ipc_mode": "private",
        "init": True,
        "oom_score_adj": _LATE_VICTIM,
        "log_config": {"Type": "json-file", "Config": {"max-size": "5m", "max-file": "1"}},
        "mounts": mounts(workspace, box),
        "extra_hosts": box.hosts,
    }


def mounts(workspace: Workspace, box: Box) -> list[dict[str, Any]]:
    """Give what a container sees of this machine: its home to write, the rest to read."""
    found = [
        _bind(box.home, box.home_inside, read_only=False),
        _bind(box.checkout, CHECKOUT),
        _bind(box.shared, SHARED, propagation="rslave"),
        *(_bind(box.etc / name, f"/etc/{name}") for name in etc_files(workspace, box)),
    ]
    if box.public is not None:
        found.append(_bind(box.public, f"{box.home_inside}/public", read_only=False))
    if box.certificates is not None:
        found.append(_bind(box.certificates, CERTIFICATES))
    return found


def etc_files(workspace: Workspace, box: Box) -> dict[str, str]:
    """Give the texts of files in /etc: who there is (root, nobody, the volunteer), who is asked for names.

    With the internet closed nobody is asked: the engine's own resolver would let everybody wait for 10 s.
    """
    nobody = {
        "resolv.conf": "# closed by workspace.internet\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
    }
    return {
        **({} if workspace.internet is Internet.ALL else nobody),
        "passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        f"{box.name}:x:{box.uid}:{box.gid}:{box.name}:{box.home_inside}:/bin/bash\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "group": f"root:x:0:\n{box.name}:x:{box.gid}:\nnogroup:x:65534:\n",
    }


def _bind(
    source: Path, target: str, *, read_only: bool = True, propagation: str | None = None
) -> dict[str, Any]:
    mount: dict[str, Any] = {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}
    return {**mount, "BindOptions": {"Propagation": propagation}} if propagation else mount
