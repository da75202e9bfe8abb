"""What keeps a server's certificate is told; role `certificates` writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
LETS_ENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
"""Issues certificates that nobody trusts, and allows far more mistakes: there an order is rehearsed."""


@dataclass(frozen=True)
class Settings:
    """One server's certificate: which kind is wanted, for whom, and where everything lies."""

    wanted: str
    """automatic, own, authority, or self-signed."""
    name: str
    """The host name or address that people open."""
    folder: str
    """Certificates and what the issuer knows of us. Secret."""
    webroot: str
    """What nginx serves below /.well-known/acme-challenge/."""
    standing: str
    """Where it is said how things stand (`CertificateStanding`)."""
    reload: tuple[str, ...]
    """The command that makes nginx take a new certificate."""
    issuer: str = LETS_ENCRYPT
    rehearsal: str = ""
    """Where an order is tried first; left out: Let's Encrypt's staging, where that is the issuer."""
    email: str = ""
    bundle: str = ""
    """Certificates that the issuer itself is checked with, where the system does not know them."""
    client: str = "certbot"

    @property
    def rehearses_at(self) -> str:
        """Where an order is tried first; empty where there is no such place."""
        return self.rehearsal or (LETS_ENCRYPT_STAGING if self.issuer == LETS_ENCRYPT else "")

    def pem(self, kind: str) -> Path:
        """Give the file of chain and key of one kind; `server` is what nginx shows."""
        return Path(self.folder) / f"{kind}.pem"


def load_settings(path: Path) -> Settings:
    """Read the settings. Raises DivebellError."""
    try:
        known = json.loads(path.read_text())
        return Settings(**{**known, "reload": tuple(known["reload"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DivebellError(f"{path}: {error}", next_step="divebell deploy writes it anew") from error
