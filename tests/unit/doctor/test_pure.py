"""The parts of checks that need no event: names, headers, containers, addresses."""

import pytest

from divebell.doctor.engine import wrong_container
from divebell.doctor.ports import is_loopback
from divebell.doctor.sign_in import slowed, spellings
from divebell.doctor.tls import hsts_seconds
from divebell.doctor.web import missing_headers
from divebell.hub.login.names import person_name

GOOD = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}


def test_every_spelling_of_a_name_is_the_same_person():
    assert {person_name(typed) for typed in spellings("maria_2").values()} == {"maria_2"}
    assert len(set(spellings("maria_2").values())) == 4


@pytest.mark.parametrize(
    ("took", "told"),
    [
        ([0.1, 0.1, 0.6, 1.1], True),
        ([0.1, 3.0, 0.6, 1.1], True),  # a machine that was slow for a moment
        ([1.2, 1.0, 1.5, 2.0], True),  # a slow machine
        ([0.1, 0.1, 0.1, 0.1], False),
        ([0.1, 0.1, 0.8, 0.1], False),
        ([1.2, 1.0, 1.1, 1.3], False),
    ],
)
def test_guesses_that_wait_are_told_from_a_machine_that_is_slow(took, told):
    assert slowed(took) is told


def test_good_headers_lack_nothing():
    assert list(missing_headers(GOOD)) == []


@pytest.mark.parametrize(
    ("name", "value", "missing"),
    [
        ("content-security-policy", "", "a Content-Security-Policy that says where scripts may come from"),
        ("content-security-policy", "script-src *; frame-ancestors 'self'", "a Content-Security-Policy"),
        ("content-security-policy", "default-src 'self'; frame-ancestors *", "frame-ancestors"),
        ("content-security-policy", "default-src 'self'", "frame-ancestors"),
        ("x-content-type-options", "", "nosniff"),
    ],
)
def test_what_headers_lack_is_named(name, value, missing):
    assert any(missing in each for each in missing_headers({**GOOD, name: value}))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", False),
     ("::", False), ("172.17.0.1", False), ("fe80::1%eth0", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(address, loopback):
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("max-age=31536000; includeSubDomains", 31536000), ('Max-Age="60"', 60), ("", 0), ("max-age=x", 0)],
)
def test_how_long_browsers_stay_with_https(header, seconds):
    assert hsts_seconds(header) == seconds


def facts(**changes):
    host = {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "ReadonlyRootfs": True,
        "Memory": 1,
        "PidsLimit": 100,
        "IpcMode": "private",
    }
    return {
        "HostConfig": {**host, **changes},
        "Config": {"User": "1900000000:1900000000", "Image": "image:tag"},
        "NetworkSettings": {"Networks": {"net": {}}},
        "Mounts": [{"Source": "/ev/.divebell/homes/ana"}],
    }


def test_a_container_as_divebell_makes_it_has_nothing_wrong():
    assert list(wrong_container(facts(), "net", "image:tag")) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Privileged": True}, "is privileged"),
        ({"CapAdd": ["SYS_ADMIN"]}, "has capabilities"),
        ({"CapDrop": None}, "does not give up all capabilities"),
        ({"SecurityOpt": None}, "may gain privileges"),
        ({"ReadonlyRootfs": False}, "can change its own system"),
        ({"PortBindings": {"8888/tcp": [{}]}}, "published ports"),
        ({"Memory": 0}, "no limit of memory"),
        ({"PidsLimit": None}, "no limit of processes"),
        ({"PidMode": "host"}, "shares namespaces"),
        ({"IpcMode": "host"}, "shares namespaces"),
    ],
)
def test_what_is_wrong_about_a_container_is_named(change, words):
    assert any(words in each for each in wrong_container(facts(**change), "net", "image:tag"))


def test_another_network_another_image_and_root_are_named():
    other = {
        **facts(),
        "Config": {"User": "", "Image": "evil"},
        "NetworkSettings": {"Networks": {"net": {}, "b": {}}},
    }
    said = " ".join(wrong_container(other, "net", "image:tag"))
    for words in ("is in another network (net, b)", "runs another image (evil)", "runs as root"):
        assert words in said
