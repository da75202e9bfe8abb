import dataclasses

import pytest

from divebell.containers.firewall import Chains, Reach, nameservers, rules
from divebell.event.model import Internet

REACH = Reach(
    chains=Chains("0123abcd", "dvb-0123abcd"),
    gateway="172.18.0.1",
    postgres=5555,
    inside=8081,
    packages=8082,
    internet=Internet.PACKAGES,
    connections=6,
    nameservers=("10.0.0.2",),
)


def chain(text, name):
    """Give the rules of one chain, without its name."""
    return [line.split(" ", 2)[2] for line in text.splitlines() if line.startswith(f"-A {name} ")]


def reaching(internet):
    return rules(dataclasses.replace(REACH, internet=internet))


@pytest.mark.parametrize("internet", list(Internet))
def test_only_the_events_own_ports_of_the_gateway_are_open_to_containers(internet):
    to_host = chain(reaching(internet), "DIVEBELL-IN-0123abcd")
    packages = ",8082" if internet is Internet.PACKAGES else ""
    accepted = [rule for rule in to_host if rule.endswith("-j ACCEPT")]
    assert accepted == [
        "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        f"-p tcp -d 172.18.0.1 -m multiport --dports 5555,8081{packages} -j ACCEPT",
    ]
    assert to_host[-1] == "-j REJECT"


@pytest.mark.parametrize("internet", [Internet.PACKAGES, Internet.NONE])
def test_without_the_internet_nothing_goes_through_this_machine(internet):
    *answers, tcp, rest = chain(reaching(internet), "DIVEBELL-ON-0123abcd")
    assert answers == ["-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"]
    assert (tcp, rest) == ("-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT")


def test_with_the_internet_private_addresses_stay_closed_but_for_the_name_server():
    onwards = chain(reaching(Internet.ALL), "DIVEBELL-ON-0123abcd")
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"):
        assert f"-d {network} -j REJECT" in onwards
    asked = onwards.index("-d 10.0.0.2 -p udp --dport 53 -j RETURN")
    assert asked < onwards.index("-d 10.0.0.0/8 -j REJECT")
    assert onwards.index("-o dvb-0123abcd -j REJECT") < onwards.index("-j RETURN")


def test_the_way_to_the_package_index_is_there_only_where_it_is_allowed():
    assert chain(reaching(Internet.PACKAGES), "DIVEBELL-RE-0123abcd") == [
        "-d 172.18.0.1 -p tcp --dport 443 -j REDIRECT --to-ports 8082"
    ]
    for internet in (Internet.ALL, Internet.NONE):
        assert chain(reaching(internet), "DIVEBELL-RE-0123abcd") == []


def test_connections_to_the_database_are_counted_before_they_are_let_in():
    to_host = chain(rules(REACH), "DIVEBELL-IN-0123abcd")
    flood = next(n for n, rule in enumerate(to_host) if "--connlimit-above 10 " in rule)
    assert flood < next(n for n, rule in enumerate(to_host) if "multiport" in rule)


@pytest.mark.parametrize(("internet", "doors"), [(Internet.PACKAGES, "8081,8082"), (Internet.NONE, "8081")])
def test_connections_to_the_proxy_are_counted_before_they_are_let_in(internet, doors):
    to_host = chain(reaching(internet), "DIVEBELL-IN-0123abcd")
    flood = next(n for n, rule in enumerate(to_host) if "--connlimit-above 100 " in rule)
    assert f"--syn -m multiport --dports {doors} " in to_host[flood]
    assert flood < next(n for n, rule in enumerate(to_host) if rule.endswith("ACCEPT") and n > 0)


def test_chain_names_fit_into_the_kernel():
    assert all(len(name) <= 28 for _, name in REACH.chains.names())


def test_name_servers_of_this_machine_itself_are_left_out():
    text = "# made\nsearch example.org\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fd00::1\n"
    assert nameservers(text) == ("10.0.0.2",)
