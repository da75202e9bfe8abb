"""How the certificate of an event on a server stands; what obtains it writes it for all that tell of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from divebell.event.state import State

SELF_SIGNED = "self-signed"
"""Shown while the certificate that the event file wants cannot be had."""


@dataclass(frozen=True)
class CertificateStanding:
    """Which certificate browsers are shown, and why it is another than the event file wants."""

    wanted: str
    """As `https.certificate` says: automatic, own, authority; self-signed where there is no name for one."""
    shown: str
    """One of the same words."""
    until: str
    """When it runs out, as ISO 8601 writes a moment."""
    names: tuple[str, ...]
    """The host names and addresses that it is for."""
    reason: str = ""
    """What stands in the way of the one that is wanted, in words; empty when nothing does."""

    @property
    def good(self) -> bool:
        """Whether browsers are shown what the event file wants."""
        return self.shown == self.wanted

    @property
    def words(self) -> str:
        """Say it to whoever runs the event; nothing when all is well."""
        if not self.reason:
            return ""
        if self.good:
            day = datetime.fromisoformat(self.until)
            return f"The certificate is good until {day:%Y-%m-%d}, and cannot be renewed: {self.reason}"
        return f"Browsers warn of this event, because its certificate is self-signed: {self.reason}"

    @classmethod
    def load(cls, state: State) -> CertificateStanding | None:
        """Read how it stands; None where nobody obtains certificates, as on a laptop."""
        try:
            known = json.loads(state.certificate_file.read_text())
            return cls(**{**known, "names": tuple(known["names"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def text(self) -> str:
        """Give it as the file holds it."""
        return json.dumps(asdict(self), indent=2) + "\n"
