"""What pg_hba.conf lets in, rule by rule. Pure: the rules are given as PostgreSQL reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

WEAK = {
    "trust": "lets anybody in without a password",
    "password": "sends passwords in clear text",
    "md5": "takes passwords whose hash is as good as the password",
    "ident": "believes what the other machine says",
}
LOOPBACK = ("127.0.0.0/8", "::1/128")
SUPERUSER = "postgres"


@dataclass(frozen=True)
class Rule:
    """One line, as `pg_hba_file_rules` shows it."""

    line: int
    kind: str | None
    databases: Sequence[str] | None
    users: Sequence[str] | None
    address: str | None
    netmask: str | None
    method: str | None
    error: str | None

    def __str__(self) -> str:
        words = (self.kind, ",".join(self.databases or ()), ",".join(self.users or ()), self.address)
        return f"line {self.line} ({' '.join(word for word in words if word)})"


def openings(rule: Rule, networks: Sequence[str]) -> Iterator[str]:
    """Say what is too open about a rule. `networks` are the only ones from where somebody may come."""
    if rule.error is not None:
        yield f"line {rule.line} cannot be read: {rule.error}"
        return
    if rule.method == "reject":
        return
    if rule.method in WEAK:
        yield f"{rule} has method {rule.method}, which {WEAK[rule.method]}"
    users = set(rule.users or ())
    if rule.kind == "local":
        if "all" in users:
            yield f"{rule} lets every account of this machine in"
        return
    if users & {"all", SUPERUSER}:
        yield f"{rule} lets the superuser in over the network"
    if not _within(rule, networks):
        yield f"{rule} lets in from more than this machine and its containers"


def _within(rule: Rule, networks: Sequence[str]) -> bool:
    try:
        bits = int(ip_address(rule.netmask)).bit_count() if rule.netmask else None
        wanted = ip_network(f"{rule.address}/{bits}" if bits is not None else f"{rule.address}")
    except ValueError:  # all, samenet, samehost, a host name
        return False
    return any(
        wanted.version == known.version and wanted.subnet_of(known)  # type: ignore[arg-type]
        for known in map(ip_network, networks)
    )
