"""Look an own certificate over on the organiser's machine, before a server is touched."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from divebell.deploy.tls.pair import Pair, read_pair
from divebell.errors import DivebellError

PAGE = "docs/how-to/own-certificate.md says how the two files are made"


def own_pair(chain: Path, key: Path, name: str, now: datetime) -> Pair:
    """Read the certificate for the host called `name`. Raises DivebellError with all that is wrong."""
    certificates, secret = _read(chain), _read(key)
    _check_chain(chain, certificates)
    _check_key(key, secret)
    try:
        pair = read_pair(certificates + b"\n" + secret)
    except ValueError as error:
        raise DivebellError(f"{key}: {error}", next_step=PAGE) from error
    wrong = list(_wrong(pair, chain, key, name, now))
    if wrong:
        raise DivebellError("; ".join(wrong), next_step=PAGE)
    return pair


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DivebellError(
            f"{path} cannot be read: {error.strerror}",
            next_step="`https.chain` and `https.key` name files of this machine, relative to the event file",
        ) from error


def _check_chain(path: Path, text: bytes) -> None:
    try:
        x509.load_pem_x509_certificates(text)
    except ValueError as error:
        raise DivebellError(
            f"{path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", next_step=PAGE
        ) from error


def _check_key(path: Path, text: bytes) -> None:
    try:
        serialization.load_pem_private_key(text, password=None)
    except TypeError as error:
        raise DivebellError(
            f"{path} is locked with a passphrase, which a server that starts unattended cannot type",
            next_step=f"openssl pkey -in {path} -out unlocked.key, and name that file as `https.key`",
        ) from error
    except ValueError as error:
        raise DivebellError(
            f"{path} holds no key in PEM form (-----BEGIN PRIVATE KEY-----)", next_step=PAGE
        ) from error


def _wrong(pair: Pair, chain: Path, key: Path, name: str, now: datetime) -> Iterator[str]:
    if not pair.matches:
        yield f"{key} is not the key of the first certificate in {chain}"
    if not pair.covers(name):
        yield f"{chain} is for {', '.join(pair.names) or 'no name at all'}, expected {name}"
    for each in pair.chain:
        who = each.subject.rfc4514_string()
        if each.not_valid_after_utc <= now:
            yield f"{chain}: the certificate {who} ran out on {each.not_valid_after_utc:%Y-%m-%d}"
        if each.not_valid_before_utc > now:
            yield f"{chain}: the certificate {who} begins on {each.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    for one, next_one in pairwise(pair.chain):
        if not _vouches(next_one, one):
            yield (
                f"{chain}: {next_one.subject.rfc4514_string()} does not vouch for the certificate above it; "
                "expected the event's own certificate first, then who issued it, and so on"
            )


def _vouches(issuer: x509.Certificate, issued: x509.Certificate) -> bool:
    try:
        issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
