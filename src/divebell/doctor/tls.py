"""HTTPS, where the event has an address in the world."""

from __future__ import annotations

import socket
import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from divebell.doctor.finding import Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient
from divebell.event import CertificateStanding

PATIENCE = 5.0
PORT, PLAIN_PORT = 443, 80
HANDED_OUT = Path("/etc/divebell/authority.crt")
"""Where a server keeps the certificate of the event's own authority."""
SOON_DAYS = 7
LEAST_HSTS = 15_552_000
"""Seconds, half a year."""


def certificate(patient: Patient) -> Iterator[Hole]:
    """Shake hands as a browser does."""
    address, why = _address(patient), _why(patient)
    try:
        with (
            socket.create_connection((address, PORT), timeout=PATIENCE) as plain,
            _trusted(patient).wrap_socket(plain, server_hostname=address) as secured,
        ):
            until = (secured.getpeercert() or {}).get("notAfter")
    except ssl.SSLError as error:
        yield Hole(f"the certificate of {address} is not good: {why or error.reason or error}")
    except OSError as error:
        yield Hole(f"there is no HTTPS: nothing answers at {address} port {PORT} ({error})")
    else:
        yield from _runs_out(address, str(until))
        if why:
            yield Hole(why)


def _why(patient: Patient) -> str:
    """Say what stands in the way of the certificate that the event file wants, as far as it is known."""
    standing = CertificateStanding.load(patient.state)
    return standing.words if standing else ""


def _trusted(patient: Patient) -> ssl.SSLContext:
    """Trust what browsers do, and the event's own authority where it has one."""
    context = ssl.create_default_context()
    for file in (patient.state.authority / "authority.crt", HANDED_OUT):
        if file.exists():
            context.load_verify_locations(file)
    return context


def _runs_out(address: str, until: str) -> Iterator[Hole]:
    left = datetime.fromtimestamp(ssl.cert_time_to_seconds(until), UTC) - datetime.now(UTC)
    if left.days < SOON_DAYS:
        yield Hole(f"the certificate of {address} runs out in {left.days} days")


def protocols(patient: Patient) -> Iterator[Hole]:
    """Try to shake hands with protocols that are broken."""
    address = _address(patient)
    context = _old_context()
    try:
        with socket.create_connection((address, PORT), timeout=PATIENCE) as plain:
            try:
                with context.wrap_socket(plain, server_hostname=address) as secured:
                    yield Hole(f"{address} still speaks {secured.version()}")
            except (ssl.SSLError, ConnectionResetError):
                return
    except OSError as error:
        yield Hole(f"there is no HTTPS: nothing answers at {address} port {PORT} ({error})")


def _old_context() -> ssl.SSLContext:
    """Give what speaks nothing newer than TLS 1.1, and asks for no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old on purpose
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def strict(patient: Patient) -> Iterator[Hole]:
    """Look whether browsers are told to stay with HTTPS."""
    address = _address(patient)
    try:
        trusted = _trusted(patient)
        said = httpx.get(f"https://{address}:{PORT}/hub/login", timeout=PATIENCE, verify=trusted).headers
    except httpx.HTTPError as error:
        yield Hole(f"there is no HTTPS: https://{address}/ does not answer ({error})")
        return
    if hsts_seconds(said.get("strict-transport-security", "")) < LEAST_HSTS:
        yield Hole(f"{address} does not tell browsers to stay with HTTPS (Strict-Transport-Security)")


def hsts_seconds(header: str) -> int:
    """Give for how long a browser stays with HTTPS, 0 when it is not told to."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "max-age" and value.strip('"').isdigit():
            return int(value.strip('"'))
    return 0


def redirected(patient: Patient) -> Iterator[Hole]:
    """Ask without encryption, as somebody does who types the bare name."""
    address = _address(patient)
    try:
        said = httpx.get(f"http://{address}:{PLAIN_PORT}/hub/login", timeout=PATIENCE)
    except httpx.HTTPError as error:
        yield Hole(f"http://{address}/ does not answer, which leads people to HTTPS ({error})")
        return
    if not said.headers.get("location", "").startswith(f"https://{address}"):
        yield Hole(f"http://{address}/ answers {said.status_code} instead of leading to HTTPS")


def _address(patient: Patient) -> str:
    if patient.event.address is not None:
        return patient.event.address
    host = urlsplit(patient.served.address).hostname if patient.served else None
    if host is None:
        raise DoesNotApplyError("the event has no `address`: it is for this machine only")
    return host


_SERVE = "divebell deploy {folder} serves it over HTTPS; or take `address` out of {folder}/event.yaml"

CHECKS = (
    Check(
        "tls.certificate",
        "the event's address answers with a certificate that browsers trust for another week",
        "passwords would travel for all to read, or browsers refuse the event",
        _SERVE,
        certificate,
    ),
    Check(
        "tls.protocols",
        "nothing older than TLS 1.2 is spoken",
        "older protocols can be read on the way",
        _SERVE,
        protocols,
    ),
    Check(
        "tls.strict",
        "browsers are told to stay with HTTPS",
        "the first request of a visit would go unprotected",
        _SERVE,
        strict,
    ),
    Check(
        "tls.redirect",
        "whoever opens the event without HTTPS is led to it",
        "people who type the bare name would find nothing, or a page anybody can read along",
        _SERVE,
        redirected,
    ),
)
