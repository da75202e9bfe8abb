import pytest

from divebell.containers import setup
from divebell.event import Containers, Event
from divebell.event.model import Workspace

WHERE = Containers("divebell-0", "dvb-0", "172.18.0.1", "172.18.0.0/16", "divebell-workspace:0")


def event(**workspace):
    return Event(name="x", data={"repository": "r"}, workspace=Workspace(**workspace))


@pytest.mark.parametrize(("engine", "runs"), [(True, True), (False, False)])
def test_left_out_it_depends_on_an_engine(monkeypatch, engine, runs):
    monkeypatch.setattr(setup, "answers", lambda: engine)
    assert setup.in_containers(event()) == runs


@pytest.mark.parametrize(("where", "runs"), [("containers", True), ("processes", False)])
def test_what_the_event_file_says_holds_whatever_the_machine_has(monkeypatch, where, runs):
    monkeypatch.setattr(setup, "answers", lambda: not runs)
    assert setup.in_containers(event(runs_in=where)) == runs


@pytest.mark.parametrize(("internet", "led"), [("packages", True), ("all", False), ("none", False)])
def test_the_index_is_led_to_the_gateway_only_where_it_goes_through_there(internet, led):
    names = setup.hosts(event(internet=internet), WHERE)
    assert bool(names) == led
    assert set(names.values()) <= {WHERE.gateway}
