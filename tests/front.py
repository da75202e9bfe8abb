"""A real nginx with the very configuration a server gets, in a folder and on ports of its own."""

from __future__ import annotations

import getpass
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

import divebell.deploy
from divebell.deploy.tls.authority import make_authority
from live import free_port

ROLES = Path(divebell.deploy.__file__).with_name("playbook") / "roles"
NAME = "localhost"


@dataclass
class Front:
    """nginx in front of something, and how to reach it."""

    folder: Path
    http: int
    https: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.https}"

    @property
    def configuration(self) -> Path:
        return self.folder / "divebell.conf"

    @property
    def authority(self) -> Path:
        """What a browser trusts that opens it without a warning."""
        return self.folder / "authority.crt"

    @property
    def log(self) -> str:
        return (self.folder / "access.log").read_text()

    def client(self, **options: Any) -> httpx.Client:
        """Give an HTTP client that trusts it."""
        trusted = ssl.create_default_context(cafile=str(self.authority))
        return httpx.Client(base_url=self.url, verify=trusted, timeout=60, **options)

    def reload(self) -> None:
        subprocess.run([nginx(), "-c", self.configuration, "-s", "reload"], check=True)

    def said(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        """Shake hands with openssl; give what it said."""
        words = [
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{self.https}",
            "-servername",
            NAME,
            *arguments,
        ]
        return subprocess.run(
            words, input="", capture_output=True, text=True, errors="replace", timeout=90, check=False
        )


def nginx() -> str:
    return shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin") or "nginx"


def render(role: str, template: str, target: Path, variables: Mapping[str, Any]) -> None:
    """Render a role's template by Ansible itself, with the role's defaults."""
    given = target.with_suffix(".variables.json")
    given.write_text(json.dumps(dict(variables)))
    words = [
        *(str(Path(sys.executable).with_name("ansible")), "localhost", "-c", "local"),
        *(
            "-m",
            "ansible.builtin.template",
            "-a",
            f"src={ROLES / role / 'templates' / template} dest={target}",
        ),
        *("-e", f"@{ROLES / role / 'defaults' / 'main.yml'}", "-e", f"@{given}"),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def places(folder: Path, behind: int, **changes: Any) -> dict[str, Any]:
    """Give the variables of role nginx for a folder in place of a machine."""
    return {
        "divebell_server_name": NAME,
        "divebell_server_name_is_ip": False,
        "divebell_certificates": str(folder),
        "divebell_port": behind,
        "event": {"people": {"expected": 40}},
        "nginx_user": getpass.getuser(),
        "nginx_pid": str(folder / "nginx.pid"),
        "nginx_http": free_port(),
        "nginx_https": free_port(),
        "nginx_pages": str(folder / "pages"),
        "nginx_cache": str(folder / "cache"),
        "nginx_log": str(folder / "access.log"),
        "nginx_error_log": str(folder / "error.log"),
        "nginx_ipv6": False,
        **changes,
    }


@contextmanager
def in_front(folder: Path, behind: int, **changes: Any) -> Iterator[Front]:
    """Run nginx in front of a port for as long as the block lasts, with a certificate of a test authority."""
    for name in ("pages/open", "pages/acme", "cache"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(ROLES / "nginx" / "files" / "away.html", folder / "pages" / "open" / "divebell-away.html")
    authority = make_authority("A test event", (NAME,), datetime.now(UTC))
    (folder / "authority.crt").write_bytes(authority.certificate)
    (folder / "server.pem").write_bytes(authority.sign((NAME, "127.0.0.1"), datetime.now(UTC)).pem())
    variables = places(folder, behind, **changes)
    render("nginx", "divebell.conf", folder / "divebell.conf", variables)
    process = subprocess.Popen([nginx(), "-c", folder / "divebell.conf", "-g", "daemon off;"])
    front = Front(folder, variables["nginx_http"], variables["nginx_https"], process)
    try:
        _wait(front)
        yield front
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(front: Front, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", front.https), timeout=1).close()
        except OSError:
            assert front.process.poll() is None, "nginx did not start"
            assert time.monotonic() < deadline, "nginx does not listen"
            time.sleep(0.05)
        else:
            return
