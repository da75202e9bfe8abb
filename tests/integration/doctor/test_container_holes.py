"""Containers: each hole is opened around or in a real one, and named. One event for this module."""

import dataclasses
import json
import subprocess

import pytest

from divebell.containers import box
from divebell.containers.engine import connected
from divebell.containers.firewall import Chains
from divebell.containers.network import LABEL, event_key
from divebell.doctor import CHECKS, Patient, advisories, engine
from divebell.doctor import containers as from_inside
from divebell.doctor.runner import findings
from divebell.event import Containers
from divebell.event.state import write_private
from divebell.local.leftovers import processes_of
from live import divebell, live_event

BY_NAME = {check.name: check for check in CHECKS}
EVENT_YAML = """\
name: An event in containers
people:
  ambassadors: [maria]
  expected: 5
workspace:
  runs_in: containers
  memory: 512 MB
  disk: 300 MB
  processes: 150
database:
  scratch: 512 MB
data:
  repository: .
"""


@pytest.fixture(scope="module")
def contained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contained") / "event"
    (folder / "data").mkdir(parents=True)
    (folder / "event.yaml").write_text(EVENT_YAML)
    with live_event(folder) as running:
        yield running


@pytest.fixture
def patient(contained):
    made = Patient.of(contained.state, tuple(process.pid for process in processes_of(contained.state)))
    yield made
    made.once.close()


@pytest.fixture
def look(patient):
    """Give the function that runs checks with one pair of containers; it gives the findings by check."""

    def run(*names):
        try:
            return {name: findings(BY_NAME[full_name(name)], patient) for name in names}
        finally:
            patient.once.close()

    return run


def full_name(name):
    return name if "." in name else f"containers.{name}"


def verdicts(told):
    return {name: {str(finding.verdict) for finding in findings} for name, findings in told.items()}


def words(findings):
    return " ".join(finding.what for finding in findings)


@pytest.fixture
def chains(contained):
    return Chains(event_key(contained.state), Containers.load(contained.state).bridge)


def iptables(*rule):
    subprocess.run(["iptables", "--wait", "10", *rule], check=True, capture_output=True)


def test_an_untouched_event_in_containers_has_no_hole(contained, patient, look):
    told = look(*(check.name for check in (*from_inside.CHECKS, *engine.CHECKS)))
    assert {name: findings for name, findings in told.items() if not all(each.ok for each in findings)} == {}
    with connected() as client:
        label = {"label": f"{LABEL}={event_key(contained.state)}"}
        assert client.containers.list(all=True, filters=label) == []
    assert not (contained.state.homes / "divebell_doctor").exists()
    assert list(contained.state.shared.iterdir()) == []


@pytest.mark.root
def test_the_whole_doctor_finds_nothing_in_an_untouched_event_in_containers(contained):
    done = divebell("doctor", contained.folder, "--json")
    told = json.loads(done.stdout)["findings"]
    open_ones = {each["check"]: each["what"] for each in told if not each["ok"]}
    assert {check: what for check, what in open_ones.items() if not check.startswith("versions.")} == {}
    skipped = {each["check"] for each in told if each["verdict"] == "does not apply"}
    assert not {check for check in skipped if check.startswith("containers.")}


@pytest.mark.root
def test_a_machine_whose_ports_are_open_to_containers_is_named(look, chains):
    iptables("-I", chains.to_host, "1", "-j", "ACCEPT")
    try:
        told = look("host", "event")
    finally:
        iptables("-D", chains.to_host, "-j", "ACCEPT")
    assert verdicts(told) == {"host": {"open"}, "event": {"ok"}}
    assert "a service of this machine" in words(told["host"])
    assert verdicts(look("host")) == {"host": {"ok"}}


@pytest.mark.root
def test_a_world_that_is_open_to_containers_is_named(look, chains):
    rule = ("DOCKER-USER", "-i", chains.bridge, "-j", chains.onwards)
    iptables("-D", *rule)
    try:
        told = look("private", "metadata", "internet", "engine.firewall")
    finally:
        iptables("-I", rule[0], "1", *rule[1:])
    assert set(verdicts(told)) == {"private", "metadata", "internet", "engine.firewall"}
    for name, findings_ in told.items():
        assert {finding.verdict for finding in findings_} == {"open"}, (name, findings_)
    assert "10.213.7.9" in words(told["private"])
    assert "192.168.213.9" in words(told["private"])
    assert "169.254.169.254" in words(told["metadata"])
    assert "`internet: packages`" in words(told["internet"])


@pytest.mark.root
def test_neighbours_that_reach_each_other_are_named(look, chains):
    rule = ("-i", chains.bridge, "-o", chains.bridge, "-j", "ACCEPT")
    iptables("-I", "DOCKER-USER", "1", *rule)
    try:
        told = look("neighbours")
    finally:
        iptables("-D", "DOCKER-USER", *rule)
    assert verdicts(told) == {"neighbours": {"open"}}
    assert verdicts(look("neighbours")) == {"neighbours": {"ok"}}


@pytest.mark.root
def test_a_way_to_the_event_that_is_shut_is_named(look, chains, contained):
    for port, check in ((contained.ports.postgres, "event"), (contained.ports.packages, "packages")):
        rule = ("-p", "tcp", "--dport", str(port), "-j", "REJECT")
        iptables("-I", chains.to_host, "1", *rule)
        try:
            told = look(check)
        finally:
            iptables("-D", chains.to_host, *rule)
        assert verdicts(told) == {check: {"open"}}


def test_an_inner_door_that_shows_the_sign_in_page_is_named(contained, look):
    file = contained.state.proxy / "rules" / "hole.toml"
    rule = 'rule = "PathPrefix(`/`)"\nentryPoints = ["inside"]\nservice = "inside-hub"\n'
    write_private(file, f"[http.routers.hole]\n{rule}")
    try:
        told = look("pages")
    finally:
        file.unlink()
    assert verdicts(told) == {"pages": {"open"}}
    assert "answered with 200 where the sign-in page would be" in words(told["pages"])


MADE_WRONG = [
    ({"cap_drop": [], "cap_add": ["NET_RAW"]}, "account", "has capabilities (CapBnd"),
    ({"security_opt": []}, "account", "may gain privileges"),
    ({"security_opt": ["no-new-privileges:true", "seccomp=unconfined"]}, "account", "no filter of system calls"),
    ({"read_only": False}, "files", "/etc of a container is not read-only"),
    ({"mem_limit": None, "memswap_limit": None}, "limits", "no limit of memory"),
    ({"pids_limit": 4000}, "limits", "a limit of 4000 of pids instead of 150"),
    ({"ulimits": []}, "limits", "of nofile instead of 8192"),
    ({"cpu_quota": 200_000}, "limits", "a limit of 200000 of cpu instead of 100000"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "check", "expected"), MADE_WRONG, ids=lambda value: str(value)[:40])
def test_a_container_that_is_made_with_less_is_named(look, monkeypatch, change, check, expected):
    right = box.host_config

    def wrong(workspace, made):
        return {**right(workspace, made), **change}

    monkeypatch.setattr(box, "host_config", wrong)
    told = look(check)
    assert verdicts(told) == {check: {"open"}}
    assert expected in words(told[check])


def test_a_container_that_sees_too_much_is_named(look, monkeypatch, contained):
    right = box.mounts

    def wrong(workspace, made):
        socket = {
            "Type": "bind",
            "Source": "/var/run/docker.sock",
            "Target": "/var/run/docker.sock",
            "ReadOnly": True,
        }
        return [*({**each, "ReadOnly": False} for each in right(workspace, made)), socket]

    monkeypatch.setattr(box, "mounts", wrong)
    told = look("engine", "files")
    assert verdicts(told) == {"engine": {"open"}, "files": {"open"}}
    assert "docker.sock" in words(told["engine"])
    assert "/srv/event of a container is not read-only" in words(told["files"])


def test_a_container_that_runs_as_root_is_named(look, monkeypatch):
    right = box.Box

    def wrong(**values):
        return right(**{**values, "uid": 0, "gid": 0})

    monkeypatch.setattr(box, "Box", wrong)
    told = look("account")
    assert "is root or in root's group" in words(told["account"])


def test_a_container_started_by_hand_is_named_with_all_that_is_wrong(contained, look):
    where = Containers.load(contained.state)
    with connected() as client:
        made = client.containers.run(
            where.image,
            ["sleep", "600"],
            entrypoint=[],
            name="divebell-test-by-hand",
            labels={LABEL: event_key(contained.state)},
            user="0",
            cap_add=["NET_ADMIN"],
            volumes={"/var/run/docker.sock": {"bind": "/var/run/docker.sock"}},
            detach=True,
        )
        try:
            told = look("engine.running")
        finally:
            made.remove(force=True)
    said = words(told["engine.running"])
    for expected in (
        "has capabilities",
        "runs as root",
        "docker.sock of this machine",
        "is in another network (bridge)",
        "can change its own system",
        "has no limit of memory",
    ):
        assert f"the container divebell-test-by-hand {expected}" in said or "docker.sock" in expected
        assert expected in said
    assert told["engine.running"][0].mend == "docker rm --force divebell-test-by-hand"


@pytest.mark.root
def test_a_home_without_a_disk_of_its_own_is_named(contained, look):
    home = contained.state.homes / "olga"
    home.mkdir(mode=0o700)
    try:
        told = look("engine.homes")
    finally:
        home.rmdir()
    assert f"the home {home} has no disk of its own" in words(told["engine.homes"])


def test_an_old_package_in_the_image_is_named(look, monkeypatch):
    monkeypatch.setitem(advisories.PYTHON, "jupyterlab", advisories.Advisory("GHSA-x", "99.0", "something"))
    told = look("versions")
    assert "in the image, jupyterlab 4." in words(told["versions"])
    assert "GHSA-x" in words(told["versions"])


def test_disks_that_were_promised_and_do_not_fit_are_named(contained, patient):
    workspace = patient.event.workspace.model_copy(update={"disk": "900000 GB"})
    event = patient.event.model_copy(update={"workspace": workspace})
    told = findings(BY_NAME["host.disk"], dataclasses.replace(patient, event=event))
    assert [finding.verdict for finding in told] == ["open"]
    assert "are missing" in told[0].what


def test_an_engine_that_takes_containers_down_with_it_is_a_warning(patient):
    with connected() as client:
        restored = client.info()["LiveRestoreEnabled"]
    told = findings(BY_NAME["host.live_restore"], patient)
    assert [finding.verdict for finding in told] == ["ok" if restored else "warning"]
    assert told[0].ok
