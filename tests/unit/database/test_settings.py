from __future__ import annotations

from divebell.database.memory import address_space
from divebell.database.settings import Server, pg_hba_conf, pg_ident_conf, postgresql_conf

GIGABYTE = 1024**3


def server(people: int = 50, memory: int = 8 * GIGABYTE, connections: int = 6, **more: object) -> Server:
    return Server(40123, people * connections, memory, **more)


def rules(subnet: str | None = None) -> list[list[str]]:
    return [line.split() for line in pg_hba_conf(subnet).splitlines() if not line.startswith("#")]


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
            *("host", "event", "+volunteers,event_hub,event_loader,event_web,event_tiles,event_watchdog"),
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


def test_from_the_containers_network_volunteers_come_in_and_no_service_does() -> None:
    admitted = [rule for rule in rules("172.20.0.0/16") if rule[-1] == "scram-sha-256"]
    assert admitted[1:] == [["host", "event", "+volunteers", "172.20.0.0/16", "scram-sha-256"]]


def test_connections_grow_with_the_people_expected_and_what_each_may_have() -> None:
    assert "max_connections = 460\n" in postgresql_conf(server())
    assert "max_connections = 760\n" in postgresql_conf(server(people=100))
    assert "max_connections = 360\n" in postgresql_conf(server(connections=4))


def test_with_very_many_connections_each_has_room_for_fewer_locks() -> None:
    assert "max_locks_per_transaction = 256\n" in postgresql_conf(server())
    assert "max_locks_per_transaction = 64\n" in postgresql_conf(server(people=500, connections=20))


def test_memory_is_a_share_of_the_machine_within_bounds() -> None:
    assert "shared_buffers = '1024MB'\n" in postgresql_conf(server())
    assert "shared_buffers = '128MB'\n" in postgresql_conf(server(memory=GIGABYTE // 2))
    assert "shared_buffers = '2048MB'\n" in postgresql_conf(server(memory=512 * GIGABYTE))


def test_no_process_may_take_the_machine_and_each_may_take_a_value_of_any_size() -> None:
    for memory in (2 * GIGABYTE, 8 * GIGABYTE, 256 * GIGABYTE):
        each = address_space(server(memory=memory)) - server(memory=memory).shared_buffers
        assert GIGABYTE < each < max(memory // 2, 2 * GIGABYTE)


def test_the_server_listens_on_loopback_and_its_own_port() -> None:
    text = postgresql_conf(server())
    assert "listen_addresses = '127.0.0.1'\n" in text
    assert "port = 40123\n" in text


def test_with_containers_the_server_listens_on_their_gateway_besides() -> None:
    text = postgresql_conf(server(gateway="172.20.0.1", subnet="172.20.0.0/16"))
    assert "listen_addresses = '127.0.0.1,172.20.0.1'\n" in text
