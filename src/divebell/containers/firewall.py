"""What containers may reach, as iptables rules of the event's bridge. Pure; `closing` runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from divebell.event.model import Internet

SPARE = 4
"""Connections to PostgreSQL that a container may have beyond its owner's limit: CONNECTION LIMIT counts those
alone that have signed in, and 110 that had not locked everybody else out (measured)."""

AT_THE_PROXY = 100
"""Connections to the proxy's doors that one container may have. 17,000 half-open ones from a single container
took nearly all that the proxy can have, and two would have shut everybody else out (measured)."""

PRIVATE = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
)
"""Addresses that are not public (RFC 6890), the cloud's metadata service among them."""


@dataclass(frozen=True)
class Chains:
    """The chains of one event and the interface that leads into them."""

    key: str
    """The event's key."""
    bridge: str

    @property
    def to_host(self) -> str:
        """The chain for what is sent to this machine."""
        return f"DIVEBELL-IN-{self.key}"

    @property
    def onwards(self) -> str:
        """The chain for what is sent through this machine."""
        return f"DIVEBELL-ON-{self.key}"

    @property
    def redirect(self) -> str:
        """The chain that leads port 443 of the gateway to the way to the package index."""
        return f"DIVEBELL-RE-{self.key}"

    def jumps(self) -> tuple[tuple[str, ...], ...]:
        """Give the rules that lead into the chains: table, chain, and what follows `-I`, `-C` or `-D`."""
        return (
            ("filter", "INPUT", "-i", self.bridge, "-j", self.to_host),
            ("filter", "DOCKER-USER", "-i", self.bridge, "-j", self.onwards),
            ("nat", "PREROUTING", "-i", self.bridge, "-j", self.redirect),
        )

    def names(self) -> tuple[tuple[str, str], ...]:
        """Give table and name of each chain."""
        return (("filter", self.to_host), ("filter", self.onwards), ("nat", self.redirect))


@dataclass(frozen=True)
class Reach:
    """What the containers of one event may reach."""

    chains: Chains
    gateway: str
    postgres: int
    """Ports on the gateway."""
    inside: int
    packages: int
    internet: Internet
    connections: int
    """Connections to PostgreSQL that one volunteer may have."""
    nameservers: tuple[str, ...] = ()
    """Asked for names when the internet is open; they may be at a private address."""


def rules(reach: Reach) -> str:
    """Give the chains in the format of iptables-restore; with --noflush it replaces these chains at once."""
    return "\n".join(
        [
            *("*filter", f":{reach.chains.to_host} - [0:0]", f":{reach.chains.onwards} - [0:0]"),
            *(f"-A {reach.chains.to_host} {rule}" for rule in _to_host(reach)),
            *(f"-A {reach.chains.onwards} {rule}" for rule in _onwards(reach)),
            *("COMMIT", "*nat", f":{reach.chains.redirect} - [0:0]"),
            *(f"-A {reach.chains.redirect} {rule}" for rule in _redirect(reach)),
            *("COMMIT", ""),
        ]
    )


def nameservers(resolv_conf: str) -> tuple[str, ...]:
    """Give the IPv4 name servers that a resolv.conf names, this machine's own resolver left out."""
    lines = (line.split() for line in resolv_conf.splitlines())
    named = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    return tuple(address for address in named if ":" not in address and not address.startswith("127."))


def _to_host(reach: Reach) -> list[str]:
    here = f"-p tcp -d {reach.gateway}"
    doors = [reach.inside, *([reach.packages] if reach.internet is Internet.PACKAGES else [])]
    proxy = ",".join(map(str, doors))
    return [
        "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        f"{here} --syn --dport {reach.postgres} {_more_than(reach.connections + SPARE)}",
        f"{here} --syn -m multiport --dports {proxy} {_more_than(AT_THE_PROXY)}",
        f"{here} -m multiport --dports {reach.postgres},{proxy} -j ACCEPT",
        "-p tcp -j REJECT --reject-with tcp-reset",
        "-j REJECT",
    ]


def _more_than(most: int) -> str:
    """Refuse what one container opens beyond `most` connections at a time."""
    return f"-m connlimit --connlimit-above {most} --connlimit-mask 32 -j REJECT --reject-with tcp-reset"


def _onwards(reach: Reach) -> Sequence[str]:
    answers = "-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"
    if reach.internet is not Internet.ALL:
        return (answers, "-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT")
    return (
        answers,
        *(
            f"-d {server} -p {kind} --dport 53 -j RETURN"
            for server in reach.nameservers
            for kind in ("udp", "tcp")
        ),
        f"-o {reach.chains.bridge} -j REJECT",
        *(f"-d {network} -j REJECT" for network in PRIVATE),
        "-j RETURN",
    )


def _redirect(reach: Reach) -> Sequence[str]:
    if reach.internet is not Internet.PACKAGES:
        return ()
    return (f"-d {reach.gateway} -p tcp --dport 443 -j REDIRECT --to-ports {reach.packages}",)
