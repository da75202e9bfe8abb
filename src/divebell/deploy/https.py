"""What the organiser's machine gives a server for HTTPS, looked over or made before the server is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from divebell.deploy.tls.authority import keep_authority, keep_server
from divebell.deploy.tls.own import own_pair
from divebell.event import Event, State
from divebell.event.server import Certificate


@dataclass(frozen=True)
class Brought:
    """Files of this machine for the roles `nginx` and `certificates`; empty where none is needed."""

    chain: str = ""
    key: str = ""
    """Empty where the chain's file holds it too."""
    stapling: bool = False
    """Whether the certificate's issuer can be asked about it."""
    authority: str = ""
    fingerprint: str = ""

    def variables(self) -> Mapping[str, object]:
        """Give the playbook's variables."""
        return {
            "divebell_chain": self.chain,
            "divebell_key": self.key,
            "divebell_stapling": self.stapling,
            "divebell_authority": self.authority,
            "divebell_authority_fingerprint": self.fingerprint,
        }


def bring(event: Event, state: State, name: str, now: datetime) -> Brought:
    """Look an own certificate over, or sign one by the event's authority, for the host or address `name`.

    Raises DivebellError. The authority is made the first time and kept in the state folder.
    """
    match event.https.certificate:
        case Certificate.AUTOMATIC:
            return Brought()
        case Certificate.OWN:
            folder = state.event_file.parent
            chain, key = (folder / (given or "") for given in (event.https.chain, event.https.key))
            pair = own_pair(chain, key, name, now)
            return Brought(str(chain), str(key), stapling=pair.answers_for_itself)
        case Certificate.AUTHORITY:
            return _signed(event, state, name, now)


def _signed(event: Event, state: State, name: str, now: datetime) -> Brought:
    folder = state.authority
    authority = keep_authority(folder, event.name, (name,), now)
    return Brought(
        chain=str(keep_server(folder, authority, (name,), now)),
        authority=str(folder / "authority.crt"),
        fingerprint=authority.fingerprint,
    )
