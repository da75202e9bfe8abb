"""A real issuer of certificates (pebble, an ACME server made for tests), with a DNS of its own."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from divebell.deploy.tls.authority import make_authority
from live import free_port


@dataclass(frozen=True)
class Issuer:
    """A running issuer. Every host name leads to this machine until `leads` says otherwise."""

    folder: Path
    directory: str
    management: str
    dns: str
    process: subprocess.Popen[bytes]
    counted: int = 0

    @property
    def bundle(self) -> Path:
        """What the issuer itself is checked with."""
        return self.folder / "issuer.crt"

    @property
    def orders(self) -> int:
        """How many orders were placed since it was counted anew."""
        return (self.folder / "pebble.log").read_text().count("POST /order-plz") - self.counted

    def counted_anew(self) -> Issuer:
        """Give the same with no orders yet."""
        return replace(self, counted=self.orders + self.counted)

    @property
    def root(self) -> str:
        """What a browser trusts that takes its certificates."""
        trusted = ssl.create_default_context(cafile=str(self.bundle))
        return httpx.get(f"{self.management}/roots/0", verify=trusted).text

    def leads(self, name: str, address: str) -> None:
        """Let a host name lead to an address, or nowhere."""
        where = [("add-a", {"addresses": [address]})] if address else [("set-servfail", {})]
        for word, told in [("clear-a", {}), ("clear-servfail", {}), *where]:
            httpx.post(f"{self.dns}/{word}", json={"host": f"{name}.", **told}).raise_for_status()


@dataclass(frozen=True)
class Place:
    """Where an issuer listens, and what every host name leads to."""

    listens: str = "127.0.0.1"
    leads_to: str = "127.0.0.1"


HERE = Place()


@contextmanager
def issuer(folder: Path, http_port: int, *, place: Place = HERE, **settings: Any) -> Iterator[Issuer]:
    """Run an issuer that looks for its challenges at a port of the machine that names lead to.

    A machine to deploy to trusts it when `bundle` is among its system's certificates
    (`/usr/local/share/ca-certificates`, `update-ca-certificates`).
    """
    folder.mkdir()
    directory, management, dns, dns_management = (f"{place.listens}:{free_port()}" for _ in range(4))
    authority = make_authority("The issuer", (place.listens,), datetime.now(UTC))
    (folder / "issuer.crt").write_bytes(authority.certificate)
    (folder / "issuer.pem").write_bytes(authority.sign((place.listens,), datetime.now(UTC)).pem())
    told = {
        "listenAddress": directory,
        "managementListenAddress": management,
        "certificate": str(folder / "issuer.pem"),
        "privateKey": str(folder / "issuer.pem"),
        "httpPort": http_port,
        "tlsPort": free_port(),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        "certificateValidityPeriod": 90 * 86_400,
        **settings,
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": told}))
    names = ["-defaultIPv4", place.leads_to, "-defaultIPv6", "", "-dns01", dns, "-management", dns_management]
    silent = ["-http01", "", "-https01", "", "-tlsalpn01", ""]
    unhurried = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"}
    environment = {**os.environ, **unhurried}
    with (
        (folder / "pebble.log").open("wb") as log,
        _running(["pebble-challtestsrv", *names, *silent], log, environment),
        _running(
            ["pebble", "-config", folder / "pebble.json", "-dnsserver", dns], log, environment
        ) as process,
    ):
        running = Issuer(
            folder, f"https://{directory}/dir", f"https://{management}", f"http://{dns_management}", process
        )
        _wait(running)
        yield running


@contextmanager
def _running(words: list[Any], log: Any, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait(running: Issuer, seconds: float = 90) -> None:
    """Wait until both answer, the issuer and its DNS."""
    deadline = time.monotonic() + seconds
    trusted = ssl.create_default_context(cafile=str(running.bundle))
    while True:
        try:
            httpx.get(running.directory, verify=trusted).raise_for_status()
            httpx.get(running.dns)
        except httpx.HTTPError:
            log = (running.folder / "pebble.log").read_text()
            assert running.process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.1)
        else:
            return
