"""What the roles write, rendered by Ansible itself."""

import html
import subprocess

import pytest

from divebell.deploy.tls.settings import LETS_ENCRYPT, LETS_ENCRYPT_STAGING, load_settings
from front import in_front, nginx, places, render
from live import free_port

SERVER = {
    "divebell_certificates": "/srv/divebell/certificates",
    "divebell_state": "/srv/divebell/event/.divebell",
    "divebell_venv": "/opt/divebell/venv",
    "divebell_server_name": "dive.example.org",
    "divebell_server_name_is_ip": False,
    "divebell_public_address": "https://dive.example.org/",
    "divebell_chain": "",
    "divebell_key": "",
    "divebell_issuer_bundle": "",
    "event": {
        "name": "Bread & <b>roses</b>",
        "https": {"certificate": "automatic", "issuer": None, "email": None},
    },
}


def settings(tmp_path, **changes):
    render("certificates", "certificates.json", tmp_path / "told.json", {**SERVER, **changes})
    return load_settings(tmp_path / "told.json")


def test_an_order_goes_to_lets_encrypt_and_is_rehearsed_there(tmp_path):
    told = settings(tmp_path)
    assert (told.wanted, told.name, told.email, told.bundle) == ("automatic", "dive.example.org", "", "")
    assert told.issuer == LETS_ENCRYPT
    assert told.rehearses_at == LETS_ENCRYPT_STAGING


def test_another_issuer_is_asked_as_the_event_file_says(tmp_path):
    https = {"certificate": "automatic", "issuer": "https://acme.example.org/dir", "email": "a@example.org"}
    told = settings(tmp_path, event={"https": https}, divebell_issuer_bundle="/home/me/issuer.pem")
    assert (told.issuer, told.email) == (https["issuer"], https["email"])
    assert told.rehearses_at == ""
    assert told.bundle == "/etc/divebell/issuer.pem"


def test_the_events_name_is_written_as_text(tmp_path):
    render("certificates", "authority.html", tmp_path / "page.html", SERVER)
    page = (tmp_path / "page.html").read_text()
    assert html.escape("Bread & <b>roses</b>") in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    "changes",
    [
        {"nginx_ipv6": True},
        {"nginx_stapling": True},
        {"divebell_server_name": "192.0.2.1", "divebell_server_name_is_ip": True},
        {"divebell_server_name": "2001:db8::1", "divebell_server_name_is_ip": True},
        {"event": {"people": {"expected": 500}}},
    ],
)
def test_nginx_takes_the_configuration_of_every_kind_of_event(tmp_path, changes):
    with in_front(tmp_path, free_port()):
        pass  # makes folders and a certificate
    render("nginx", "divebell.conf", tmp_path / "other.conf", places(tmp_path, 8000, **changes))
    tried = subprocess.run(
        [nginx(), "-t", "-q", "-c", tmp_path / "other.conf"], capture_output=True, text=True, check=False
    )
    assert (tried.returncode, tried.stderr.replace("ssl_stapling", "")) == (
        0,
        "",
    ) or "ignored" in tried.stderr
