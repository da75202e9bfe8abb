"""A certificate with its chain and its key, as one text in PEM form; what can be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

ServerKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
"""The kinds that browsers take."""
SKEW = timedelta(minutes=15)
"""Clocks differ, and an issuer dates a certificate by its own."""
LONGEST_NAME = 64
"""Characters of a common name (RFC 5280, ub-common-name)."""
_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@dataclass(frozen=True)
class Pair:
    """A certificate, those that vouch for it, and its key."""

    chain: tuple[x509.Certificate, ...]
    key: ServerKey

    @property
    def certificate(self) -> x509.Certificate:
        """The event's own."""
        return self.chain[0]

    @property
    def until(self) -> datetime:
        """When the first of the chain runs out."""
        return min(each.not_valid_after_utc for each in self.chain)

    @property
    def names(self) -> tuple[str, ...]:
        """The host names and addresses that it is for."""
        try:
            found = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return ()
        hosts = found.get_values_for_type(x509.DNSName)
        return (*hosts, *(str(each) for each in found.get_values_for_type(x509.IPAddress)))

    @property
    def matches(self) -> bool:
        """Whether the key is the certificate's."""
        return _public(self.key.public_key()) == _public(self.certificate.public_key())

    @property
    def answers_for_itself(self) -> bool:
        """Whether its issuer can be asked if it has been withdrawn (OCSP)."""
        try:
            found = self.certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        except x509.ExtensionNotFound:
            return False
        return any(each.access_method == AuthorityInformationAccessOID.OCSP for each in found)

    def covers(self, name: str) -> bool:
        """Tell whether a browser takes it for the host called `name`."""
        wanted = name.casefold()
        parent = "*." + wanted.partition(".")[2]
        return any(each.casefold() in {wanted, parent} for each in self.names)

    def due(self, now: datetime) -> bool:
        """Tell whether a third of its life or less is left."""
        life = self.certificate.not_valid_after_utc - self.certificate.not_valid_before_utc
        return self.until - now <= life / 3

    def good(self, name: str, now: datetime) -> bool:
        """Tell whether it can be shown to browsers that ask for `name`."""
        begins = self.certificate.not_valid_before_utc
        return self.matches and self.covers(name) and begins - SKEW <= now < self.until

    def pem(self) -> bytes:
        """Give chain and key as one text. Secret."""
        return self.chain_pem() + self.key_pem()

    def chain_pem(self) -> bytes:
        """Give the certificate and those that vouch for it."""
        return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in self.chain)

    def key_pem(self) -> bytes:
        """Give the key. Secret."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def read_pair(text: bytes) -> Pair:
    """Read what `Pair.pem` gives, or chain and key one after the other. Raises ValueError."""
    key = serialization.load_pem_private_key(text, password=None)
    if not isinstance(key, ServerKey):
        raise ValueError("browsers take keys of the kinds RSA and EC alone")  # noqa: TRY004
    return Pair(tuple(x509.load_pem_x509_certificates(text)), key)


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key that every browser of the last ten years takes."""
    return ec.generate_private_key(ec.SECP256R1())


def common_name(words: str) -> x509.Name:
    """Give the name that a certificate is shown under."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words[:LONGEST_NAME])])


def usage(*granted: str) -> x509.KeyUsage:
    """Say what a key may be used for, by the names of `x509.KeyUsage`; for nothing else."""
    return x509.KeyUsage(**{use: use in granted for use in _USES})


def for_server(names: tuple[str, ...], key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """Begin a server's certificate; issuer and dates are still to be said."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject(names[0]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName([general_name(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage("digital_signature"), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def subject(name: str) -> x509.Name:
    """Name a server's certificate.

    An address is no common name: in a certificate for no host name OpenSSL takes that for one where it looks
    like one, and GnuTLS, with which Debian's git speaks, always; the authority may not vouch for it.
    """
    if is_address(name):
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"Event at {name}")])
    return common_name(name)


def general_name(name: str) -> x509.GeneralName:
    """Give a host name or an address as certificates hold it."""
    return x509.IPAddress(ip_address(name)) if is_address(name) else x509.DNSName(name)


def is_address(name: str) -> bool:
    """Tell whether this is an IP address rather than a host name."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded
