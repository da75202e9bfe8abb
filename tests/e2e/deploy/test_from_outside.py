"""What somebody on the internet finds of a deployed event."""

import socket
import ssl

import httpx
import pytest

from deployment import HOST, Deployment
from live import until

pytestmark = pytest.mark.timeout(1500)


def test_ssh_and_the_web_are_open_and_nothing_else(event: Deployment) -> None:
    assert event.target.open_ports() == [22, 80, 443]


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_what_somebody_starts_on_the_machine_is_not_reached_from_outside(
    event: Deployment, kind: int
) -> None:
    listening = f"import socket; s = socket.socket(type={int(kind)}); s.bind(('0.0.0.0', 7777)); "
    listening += "s.listen(); s.accept()" if kind == socket.SOCK_STREAM else "s.recv(9)"
    event.target.ssh(f'systemd-run --quiet --unit=open-door --collect python3 -c "{listening}"')
    until(lambda: ":7777" in event.target.ssh("ss -Hltun").stdout, "the door was not opened")
    with socket.socket(type=kind) as knocking:
        knocking.settimeout(1)
        try:
            knocking.connect((event.target.address, 7777))
            knocking.send(b"hello")
        except TimeoutError:
            pass
    waits_on = event.target.ssh("sleep 3; systemctl is-active open-door", check=False).stdout.strip()
    event.target.ssh("systemctl stop open-door", check=False)
    assert waits_on == "active", "it has heard something, and ended"


def test_http_leads_to_https(event: Deployment) -> None:
    answer = httpx.get(f"http://{HOST}/hub/login?next=/x", trust_env=False)
    assert answer.status_code in {301, 308}
    assert answer.headers["location"] == f"https://{HOST}/hub/login?next=/x"


@pytest.mark.parametrize(
    ("version", "spoken"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_only_versions_of_tls_that_hold_are_spoken(
    event: Deployment, version: ssl.TLSVersion, spoken: bool
) -> None:
    context = event.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection((event.target.address, 443), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as wrapped,
        ):
            assert wrapped.version() is not None
            assert spoken
    except ssl.SSLError:
        assert not spoken


def test_pages_say_that_they_want_https_and_no_frames_and_no_guessing(event: Deployment) -> None:
    with event.client() as client:
        headers = client.get("/hub/login").headers
    assert int(headers["strict-transport-security"].split("max-age=")[1].split(";")[0]) >= 15_768_000
    assert headers["x-content-type-options"] == "nosniff"
    policy = headers.get("content-security-policy", "")
    assert "frame-ancestors 'none'" in policy or "frame-ancestors 'self'" in policy
    assert "/" not in headers.get("server", "")


def test_two_protocols_are_offered_and_http_2_is_one(event: Deployment) -> None:
    context = event.context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((event.target.address, 443), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() == "h2"
