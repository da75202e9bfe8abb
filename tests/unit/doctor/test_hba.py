"""Rules of pg_hba.conf, as PostgreSQL reads them."""

import pytest

from divebell.doctor.hba import LOOPBACK, Rule, openings

NETWORKS = (*LOOPBACK, "172.18.0.0/16")


def rule(
    kind="host", users=("event_web",), address="127.0.0.1", netmask="255.255.255.255", method="scram-sha-256"
):
    return Rule(7, kind, ("event",), users, address, netmask, method, None)


@pytest.mark.parametrize(
    "closed",
    [
        rule(),
        rule(address="172.18.0.0", netmask="255.255.0.0", users=("+volunteers",)),
        rule(address="::1", netmask="ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        rule(address="all", netmask=None, users=("all",), method="reject"),
        rule(kind="local", address=None, netmask=None, users=("postgres",), method="peer"),
    ],
)
def test_a_rule_that_lets_in_whom_it_should_is_fine(closed):
    assert list(openings(closed, NETWORKS)) == []


@pytest.mark.parametrize(
    ("wide", "words"),
    [
        (rule(method="trust"), "has method trust"),
        (rule(method="password"), "has method password"),
        (rule(method="md5"), "has method md5"),
        (rule(method="ident"), "has method ident"),
        (rule(address="0.0.0.0", netmask="0.0.0.0"), "from more than this machine"),
        (rule(address="172.16.0.0", netmask="255.240.0.0"), "from more than this machine"),
        (rule(address="all", netmask=None), "from more than this machine"),
        (rule(address="samenet", netmask=None), "from more than this machine"),
        (rule(address=".example.org", netmask=None), "from more than this machine"),
        (rule(address="::", netmask="::"), "from more than this machine"),
        (rule(users=("all",)), "superuser in over the network"),
        (rule(users=("event_web", "postgres")), "superuser in over the network"),
        (rule(kind="local", address=None, netmask=None, users=("all",), method="peer"), "every account"),
    ],
)
def test_a_rule_that_lets_in_too_much_is_named(wide, words):
    assert any(words in each for each in openings(wide, NETWORKS))
    assert "line 7" in next(openings(wide, NETWORKS))


def test_a_line_that_cannot_be_read_is_named():
    broken = Rule(3, None, None, None, None, None, None, "invalid connection type")
    assert list(openings(broken, NETWORKS)) == ["line 3 cannot be read: invalid connection type"]
