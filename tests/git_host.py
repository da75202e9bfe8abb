"""Stands for a git host: a bare repository served by git itself over HTTPS or by OpenSSH, with its bad days."""

from __future__ import annotations

import base64
import http.server
import os
import pwd
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKEN = "ghp_s3cretTokenOfTheRepository"
GIT = {
    "PATH": "/usr/bin:/bin:/usr/local/bin",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{role}_{what}": "test@localhost"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    },
}


def git(folder: Path, *arguments: str) -> str:
    """Run git as the people who push do."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], env=GIT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@dataclass
class Clone:
    """The working copy of somebody who pushes to a bare repository."""

    folder: Path
    bare: Path

    @classmethod
    def make(cls, folder: Path) -> Clone:
        """Make a bare repository and an empty clone of it."""
        bare, clone = folder / "event.git", folder / "clone"
        subprocess.run(
            ["git", "init", "-q", "--bare", "--initial-branch=main", str(bare)], check=True, env=GIT
        )
        subprocess.run(
            ["git", "clone", "-q", str(bare), str(clone)], check=True, env=GIT, capture_output=True
        )
        git(bare, "config", "http.receivepack", "true")
        return cls(clone, bare)

    def commit(self, files: dict[str, str | None]) -> str:
        """Commit files (None takes one away) and keep them here for now; give the commit."""
        for path, content in files.items():
            file = self.folder / path
            if content is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(content)
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "Change")
        return git(self.folder, "rev-parse", "HEAD")

    def push(self, files: dict[str, str | None] | None = None, *options: str) -> str:
        """Commit files (None takes one away), or what is committed already, and push; give the commit."""
        commit = git(self.folder, "rev-parse", "HEAD") if files is None else self.commit(files)
        git(self.folder, "push", "-q", *options, "origin", "HEAD:main")
        return commit


@dataclass
class HttpsHost:
    """What a test may change, and what it may look at."""

    address: str
    certificate: Path
    token: str = TOKEN
    status: int | None = None
    """Answer every request with this."""
    delay: float = 0.0
    """Seconds before each answer."""
    hanging: threading.Event = field(default_factory=threading.Event)
    """While set, requests are taken and never answered."""
    redirect: str | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Authorization of each request."""
    watch: Callable[[], None] | None = None
    """Called while a request waits for its answer."""

    def trusted_by(self, home: Path) -> None:
        """Write the git configuration of an account that trusts the host's certificate."""
        (home / ".gitconfig").write_text(f"[http]\n\tsslCAInfo = {self.certificate}\n")


@contextmanager
def https_host(
    folder: Path, bare: Path, *, listens: str = "127.0.0.1", pair: Path | None = None
) -> Iterator[HttpsHost]:
    """Serve the folder of a bare repository to whoever has the token.

    `pair` is a file of its certificate and key; left out, it makes a certificate of its own.
    """
    certificate = pair or _own_certificate(folder)
    server = http.server.ThreadingHTTPServer((listens, 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, pair or folder / "host.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    host = HttpsHost(f"https://{listens}:{server.server_port}/{bare.name}", certificate)
    server.host, server.root = host, bare.parent  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        host.hanging.clear()
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def _own_certificate(folder: Path) -> Path:
    certificate = folder / "host.crt"
    words = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ed25519",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    more = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(folder / "host.key")]
    subprocess.run([*words, *more, "-out", str(certificate)], check=True, capture_output=True)
    return certificate


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        host: HttpsHost = self.server.host  # type: ignore[attr-defined]
        host.requests.append((self.path, self.headers.get("Authorization")))
        body = self._body()
        while host.hanging.is_set():
            time.sleep(0.05)
        time.sleep(host.delay)
        if host.watch:
            host.watch()
        if host.redirect:
            self._say(302, [("Location", host.redirect + self.path)])
        elif host.status:
            self._say(host.status, [])
        elif not self._may_enter(host):
            self._say(401, [("WWW-Authenticate", 'Basic realm="git"')])
        else:
            self._backend(body)

    do_POST = do_GET  # noqa: N815 - the name http.server looks for

    def _may_enter(self, host: HttpsHost) -> bool:
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        return scheme == "Basic" and base64.b64decode(given).decode().partition(":")[2] == host.token

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        environment = GIT | {
            "GIT_PROJECT_ROOT": str(self.server.root),  # type: ignore[attr-defined]
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "somebody",
            "PATH_INFO": path,
            "QUERY_STRING": query,
        }
        command = ["git", "-c", "safe.directory=*", "http-backend"]
        done = subprocess.run(command, env=environment, input=body, capture_output=True, check=True)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
        told = dict(headers)
        self._say(int(told.pop("Status", "200").split()[0]), list(told.items()), answer)

    def _say(self, status: int, headers: list[tuple[str, str]], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Bear that a client goes away in the middle."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True


@dataclass(frozen=True)
class SshHost:
    """A running sshd that lets one key in, to read one account's repositories."""

    address: str
    key: str
    """The deploy key, a private key."""
    hosts: str
    """What ssh-keyscan says of the host."""


@contextmanager
def ssh_host(folder: Path, bare: Path, *, listens: str = "127.0.0.1") -> Iterator[SshHost]:
    """Run Debian's sshd on a free port, for this account alone."""
    for name in ("host", "deploy"):
        file = folder / f"{name}_key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)], check=True
        )
    with socket.create_server((listens, 0)) as probe:
        port = probe.getsockname()[1]
    authorised = folder / "authorised"
    only = 'command="git -c safe.directory=* shell -c \\"$SSH_ORIGINAL_COMMAND\\"",restrict'
    authorised.write_text(f"{only} {(folder / 'deploy_key.pub').read_text()}")
    settings = {
        "Port": port,
        "ListenAddress": listens,
        "HostKey": folder / "host_key",
        "PidFile": "none",
        "AuthorizedKeysFile": authorised,
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd as root keeps its unprivileged child in there
    with (folder / "sshd.log").open("wb") as log:
        server = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log
        )
    try:
        hosts = _scanned(listens, port, server, folder)
        name = pwd.getpwuid(os.geteuid()).pw_name
        yield SshHost(f"ssh://{name}@{listens}:{port}{bare}", (folder / "deploy_key").read_text(), hosts)
    finally:
        server.terminate()
        server.wait(timeout=60)


def _scanned(address: str, port: int, server: subprocess.Popen[bytes], folder: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        words = ["ssh-keyscan", "-T", "5", "-p", str(port), address]
        scanned = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        if scanned.strip():
            return scanned
        time.sleep(0.2)
    raise RuntimeError(f"sshd did not start: {(folder / 'sshd.log').read_text()}")
