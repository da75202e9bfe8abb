"""Why an issuer gave no certificate, in words: what certbot passes on says it in the issuer's own."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Refused:
    """Why there is no certificate."""

    reason: str
    ours: bool = True
    """Whether it lies with this machine, its name or the order; else the issuer is away or busy."""


@dataclass(frozen=True)
class _Meaning:
    pattern: str
    words: str
    ours: bool = True


_MEANINGS = (
    _Meaning(
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "the issuer {issuer} shows a certificate that this machine does not trust",
        ours=False,
    ),
    _Meaning(
        r"ConnectionError|Max retries exceeded|NewConnectionError|Name or service not known|Read timed out|"
        r"Temporary failure in name resolution|serverInternal|Service Unavailable|HTTP Error 5\d\d|"
        r"JSONDecodeError|badNonce",
        "the issuer {issuer} does not answer",
        ours=False,
    ),
    _Meaning(
        r"NXDOMAIN|No valid IP addresses|no valid A records|SERVFAIL|DNS problem|no such host|not resolve",
        "the issuer finds no address for {name} in DNS; make an A record that leads to this machine",
    ),
    _Meaning(
        r"Timeout during connect|connection refused|no route to host|unreachable|i/o timeout|"
        r"Fetching .*: (dial|Conn)",
        "the issuer cannot reach {name} on port 80: its DNS record leads elsewhere, or the provider's "
        "firewall is closed; open ports 80 and 443",
    ),
    _Meaning(r"CAA record", "a CAA record in the DNS of {name} does not allow this issuer"),
    _Meaning(
        r"rateLimited|too many (certificates|failed|new orders|registrations)",
        "the issuer allows no more certificates for {name} for now (its limits)",
        ours=False,
    ),
    _Meaning(
        r"externalAccountBinding|external account",
        "this issuer serves only accounts that were made with it, which divebell has no setting for; take "
        "another `https.issuer`, or `certificate: own`",
    ),
    _Meaning(
        r"rejectedIdentifier|Policy forbids|blocklist|forbidden by policy",
        "the issuer gives nobody a certificate for {name}",
    ),
    _Meaning(
        r"Invalid response from|unauthorized|did not exactly match|incorrect validation",
        "port 80 of {name} is answered by another machine than this one; correct its DNS record",
    ),
)
"""The first that fits counts."""


def refused(name: str, issuer: str, said: str) -> Refused:
    """Say in words why certbot got no certificate for `name` from the issuer."""
    for meaning in _MEANINGS:
        if re.search(meaning.pattern, said, re.IGNORECASE):
            return Refused(meaning.words.format(name=name, issuer=issuer), meaning.ours)
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
    told = next((line for line in lines if line.startswith("Detail:")), lines[-1])
    return Refused(f"the issuer {issuer} refused: {told}")
