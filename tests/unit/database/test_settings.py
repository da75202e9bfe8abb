from __future__ import annotations

from divebell.database.settings import pg_hba_conf, pg_ident_conf, postgresql_conf

GIGABYTE = 1024**3


def rules() -> list[list[str]]:
    return [line.split() for line in pg_hba_conf().splitlines() if not line.startswith("#")]


def test_no_rule_trusts_anyone() -> None:
    methods = {word for rule in rules() for word in rule} & {"trust", "password", "md5", "ident"}
    assert methods == set()


def test_the_superuser_comes_in_over_the_socket_alone_and_first() -> None:
    assert rules()[0] == ["local", "all", "postgres", "peer", "map=event"]
    assert all("postgres" not in rule for rule in rules()[1:])


def test_only_loopback_and_only_the_events_database_take_passwords() -> None:
    admitted = [rule for rule in rules() if rule[-1] == "scram-sha-256"]
    assert admitted == [
        [
            *("host", "event", "+volunteers,event_hub,event_loader,event_web"),
            *("127.0.0.1/32", "scram-sha-256"),
        ]
    ]


def test_whatever_is_not_named_is_refused() -> None:
    assert [rule[-1] for rule in rules()[2:]] == ["reject"] * 4
    assert {(rule[0], rule[1]) for rule in rules()[2:]} == {
        (way, what) for way in ("local", "host") for what in ("all", "replication")
    }


def test_the_map_names_each_account_once_and_quoted() -> None:
    lines = pg_ident_conf(("root", "ann lee", "root")).splitlines()[1:]
    assert lines == ['event  "root"  postgres', 'event  "ann lee"  postgres']


def test_connections_grow_with_the_people_expected() -> None:
    assert "max_connections = 350\n" in postgresql_conf(5432, 50, 8 * GIGABYTE)
    assert "max_connections = 650\n" in postgresql_conf(5432, 100, 8 * GIGABYTE)


def test_memory_is_a_share_of_the_machine_within_bounds() -> None:
    assert "shared_buffers = '1024MB'\n" in postgresql_conf(5432, 50, 8 * GIGABYTE)
    assert "shared_buffers = '128MB'\n" in postgresql_conf(5432, 50, GIGABYTE // 2)
    assert "shared_buffers = '2048MB'\n" in postgresql_conf(5432, 50, 512 * GIGABYTE)


def test_the_server_listens_on_loopback_and_its_own_port() -> None:
    text = postgresql_conf(40123, 50, GIGABYTE)
    assert "listen_addresses = '127.0.0.1'\n" in text
    assert "port = 40123\n" in text
