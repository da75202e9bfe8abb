"""An authority of the event's own, kept on the organiser's machine, and the certificates it signs.

Whoever trusts it trusts it for this event alone: it is limited to the event's host name and to addresses that
are private (or the server's own), and cannot vouch for anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from divebell.deploy.tls.pair import (
    Pair,
    common_name,
    for_server,
    general_name,
    is_address,
    new_key,
    read_pair,
    subject,
    usage,
)
from divebell.errors import DivebellError
from divebell.event.state import write_private

LIFE = timedelta(days=1095)
SERVER_LIFE = timedelta(days=397)
"""Browsers refuse certificates that are good for more than 398 days."""
EARLY = timedelta(hours=2)
"""Clocks of phones differ: a certificate is good from a little before it was made."""
PRIVATE = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
    *("fc00::/7", "fe80::/10"),
)
NOBODY = "divebell.invalid"
"""Where an event has no host name: an authority without any could vouch for every one."""


@dataclass(frozen=True)
class Authority:
    """The certificate that people install, and the key that never leaves the organiser's machine."""

    pair: Pair

    @property
    def certificate(self) -> bytes:
        """What people install, in PEM form."""
        return self.pair.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """What people compare before they trust it (SHA-256)."""
        return self.pair.certificate.fingerprint(hashes.SHA256()).hex(":").upper()

    def permits(self, name: str) -> bool:
        """Tell whether it may vouch for a host name or an address."""
        limits = self.pair.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        wanted = general_name(name)
        return any(_within(wanted, each) for each in limits.permitted_subtrees or ())

    def sign(self, names: tuple[str, ...], now: datetime) -> Pair:
        """Give a server a new key and a certificate for the names."""
        key, own = new_key(), self.pair
        until = min(now + SERVER_LIFE, own.until)
        identifier = own.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            for_server(names, key)
            .issuer_name(own.certificate.subject)
            .not_valid_before(now - EARLY)
            .not_valid_after(until - EARLY)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
            )
            .sign(own.key, hashes.SHA256())
        )
        return Pair((certificate,), key)


def make_authority(title: str, names: tuple[str, ...], now: datetime) -> Authority:
    """Make an authority for the names, called after the event."""
    key, name = new_key(), common_name(f"{title[:44]}: event authority")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.NameConstraints(_limits(names), excluded_subtrees=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(Pair((certificate,), key))


def keep_authority(folder: Path, title: str, names: tuple[str, ...], now: datetime) -> Authority:
    """Give the event's authority, made the first time; a new one where that may not vouch for the names."""
    secret = folder / "authority.pem"
    if secret.exists():
        known = _load(secret)
        if not known.pair.due(now) and all(map(known.permits, names)):
            return known
    made = make_authority(title, names, now)
    _write(secret, made.pair.pem())
    _write(folder / "authority.crt", made.certificate)
    return made


def keep_server(folder: Path, authority: Authority, names: tuple[str, ...], now: datetime) -> Path:
    """Give the file of the server's certificate and key, made anew when a third of its life is left."""
    secret = folder / "server.pem"
    if secret.exists():
        known = _load(secret).pair
        signed_by_it = known.certificate.issuer == authority.pair.certificate.subject and _signed(
            known, authority
        )
        as_now = set(known.names) == set(names) and known.certificate.subject == subject(names[0])
        if signed_by_it and not known.due(now) and as_now:
            return secret
    _write(secret, authority.sign(names, now).pem())
    return secret


def _signed(known: Pair, authority: Authority) -> bool:
    extension = x509.AuthorityKeyIdentifier
    wanted = authority.pair.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        known.certificate.extensions.get_extension_for_class(extension).value.key_identifier == wanted.digest
    )


def _limits(names: tuple[str, ...]) -> list[x509.GeneralName]:
    networks = [ip_network(each) for each in PRIVATE]
    addresses = [ip_address(each) for each in names if is_address(each)]
    outside = [ip_network(each) for each in addresses if not any(each in network for network in networks)]
    hosts = [each for each in names if not is_address(each)] or [NOBODY]
    return [*map(x509.DNSName, hosts), *(x509.IPAddress(each) for each in (*networks, *outside))]


def _within(wanted: x509.GeneralName, limit: x509.GeneralName) -> bool:
    if isinstance(wanted, x509.IPAddress) and isinstance(limit, x509.IPAddress):
        return ip_address(str(wanted.value)) in ip_network(str(limit.value))
    return isinstance(wanted, x509.DNSName) and wanted == limit


def _load(path: Path) -> Authority:
    try:
        return Authority(read_pair(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise DivebellError(
            f"{path} is damaged: {error}",
            next_step="put a copy of it back, or delete it: the next deploy makes a new one, which everybody "
            "has to install anew",
        ) from error


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, text.decode())
