import socket

import pytest

from divebell.errors import DivebellError
from divebell.event import Ports, State
from divebell.event.state import NOTEBOOK_PORTS
from divebell.local.ports import DEFAULT_PORT, choose_ports, is_free


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / ".divebell")
    state.folder.mkdir()
    return state


def taken(*ports):
    return lambda port: port not in ports


def test_a_first_run_takes_the_default_port_and_others_that_differ(state):
    ports = choose_ports(state, None, taken())
    own = {ports.proxy, ports.proxy_api, ports.hub, ports.web, ports.postgres, ports.supervisor}
    assert ports.proxy == DEFAULT_PORT
    assert len(own) == 6
    assert not own & set(range(ports.notebooks, ports.notebooks + NOTEBOOK_PORTS))


def test_a_later_run_keeps_every_port_that_is_free(state):
    first = choose_ports(state, 8123, taken())
    first.save(state)
    assert choose_ports(state, None, taken()) == first


def test_an_inner_port_that_someone_took_is_replaced_alone(state):
    first = choose_ports(state, None, taken())
    first.save(state)
    second = choose_ports(state, None, taken(first.web))
    assert second.web != first.web
    assert (second.hub, second.postgres, second.proxy) == (first.hub, first.postgres, first.proxy)


def test_the_public_port_is_never_changed_silently(state):
    with pytest.raises(DivebellError, match="port 8000 is already in use") as error:
        choose_ports(state, None, taken(8000, 8001))
    assert error.value.next_step is not None
    assert "--port 8002" in error.value.next_step


def test_the_process_that_holds_a_port_is_named(state):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(DivebellError, match=r"in use by .+ \(process \d+\)"):
            choose_ports(state, port)


def test_notebook_ports_leave_out_a_range_in_use(state):
    assert choose_ports(state, None, taken(20007)).notebooks == 20000 + NOTEBOOK_PORTS


def test_a_port_someone_listens_on_is_not_free():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert not is_free(other.getsockname()[1])


def test_ports_are_read_back_as_they_were_saved(state):
    ports = Ports(1, 2, 3, 4, 5, 6, 7)
    ports.save(state)
    assert Ports.load(state) == ports
