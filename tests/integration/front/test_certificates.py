"""Certificates from a real issuer, with Debian's certbot, through a real nginx."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from divebell.deploy.tls.keep import keep, moment, placeholder
from divebell.deploy.tls.pair import read_pair
from divebell.deploy.tls.settings import Settings
from front import in_front, nginx
from issuer import issuer
from live import free_port, until

NAME = "dive.example.org"


@pytest.fixture(scope="module")
def port():
    """Where the issuers look for their challenges, in place of port 80."""
    return free_port()


@pytest.fixture
def front(tmp_path, port):
    (tmp_path / "nginx").mkdir()
    with in_front(tmp_path / "nginx", 9, divebell_server_name=NAME, nginx_http=port) as running:
        (running.folder / "server.pem").unlink()
        placeholder(running.folder / "server.pem", NAME, moment())
        running.reload()
        yield running


@pytest.fixture(scope="module")
def issuers(port, tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuers")
    with issuer(folder / "production", port) as production, issuer(folder / "staging", port) as staging:
        yield production, staging


@pytest.fixture
def production(issuers):
    return issuers[0].counted_anew()


@pytest.fixture
def staging(issuers):
    issuers[1].leads(NAME, "127.0.0.1")
    return issuers[1].counted_anew()


@pytest.fixture
def settings(front, production, staging, tmp_path):
    both = tmp_path / "issuers.pem"
    both.write_bytes(production.bundle.read_bytes() + staging.bundle.read_bytes())
    return Settings(
        wanted="automatic",
        name=NAME,
        folder=str(front.folder),
        webroot=str(front.folder / "pages" / "acme"),
        standing=str(tmp_path / "certificate.json"),
        reload=(nginx(), "-c", str(front.configuration), "-s", "reload"),
        issuer=production.directory,
        rehearsal=staging.directory,
        bundle=str(both),
    )


def trusted(front, production, tmp_path):
    root = tmp_path / "root.pem"
    root.write_text(production.root)
    return "Verify return code: 0 (ok)" in front.said(["-servername", NAME, "-CAfile", str(root)]).stdout


def answers_to(front, name):
    """Tell whether nginx knows a name: it says nothing to who asks for another."""
    try:
        asked = httpx.get(f"http://127.0.0.1:{front.http}/", headers={"Host": name}, timeout=60)
    except httpx.TransportError:
        return False
    return asked.status_code == 301


def test_a_certificate_is_rehearsed_ordered_shown_and_then_left_alone(
    settings, front, production, staging, tmp_path
):
    first = keep(settings, moment(), asked=True)
    assert first.standing.words == ""
    assert (first.changed, first.ordered, first.standing.shown) == (True, True, "automatic")
    assert (staging.orders, production.orders) == (1, 1)
    until(lambda: trusted(front, production, tmp_path), "nginx does not show it")
    second = keep(settings, moment(), asked=True)
    assert (second.changed, second.ordered) == (False, False)
    assert (staging.orders, production.orders) == (1, 1)
    told = json.loads(Path(settings.standing).read_text())
    assert (told["shown"], told["names"], told["reason"]) == ("automatic", [NAME], "")


def test_it_is_renewed_when_a_third_of_its_life_is_left(settings, front, production, tmp_path):
    keep(settings, moment(), asked=True)
    before = read_pair(settings.pem("server").read_bytes()).certificate.serial_number
    assert not keep(settings, moment() + timedelta(days=59), asked=False).ordered
    renewed = keep(settings, moment() + timedelta(days=61), asked=False)
    assert (renewed.ordered, renewed.changed) == (True, True)
    assert read_pair(settings.pem("server").read_bytes()).certificate.serial_number != before
    assert production.orders == 2
    until(lambda: trusted(front, production, tmp_path), "nginx does not show it")


def test_a_machine_that_is_built_anew_keeps_the_certificate_it_is_handed(settings, production, staging):
    keep(settings, moment(), asked=True)
    kept = settings.pem("automatic").read_bytes()
    for file in ("automatic.pem", "server.pem"):
        (settings.pem("server").parent / file).unlink()
    settings.pem("automatic").write_bytes(kept)
    again = keep(settings, moment(), asked=True)
    assert (again.ordered, again.standing.shown) == (False, "automatic")
    assert (staging.orders, production.orders) == (1, 1)


def test_a_name_that_leads_nowhere_costs_no_real_order_and_is_said(settings, production, staging):
    staging.leads(NAME, "")
    done = keep(settings, moment(), asked=True)
    assert done.standing.shown == "self-signed"
    assert f"finds no address for {NAME} in DNS" in done.standing.words
    assert (staging.orders, production.orders) == (1, 0)


def test_a_closed_port_is_said(settings, production, staging):
    staging.leads(NAME, "192.0.2.1")
    done = keep(settings, moment(), asked=True)
    assert "port 80" in done.standing.words
    assert production.orders == 0


def test_an_issuer_that_is_away_is_said_and_asked_again_later_and_later(settings, staging, production):
    now = moment()
    away = replace(settings, rehearsal="", issuer="https://127.0.0.1:9/dir")
    first = keep(away, now, asked=False)
    assert first.ordered
    assert "does not answer" in first.standing.words
    assert first.standing.shown == "self-signed"
    assert not keep(away, now + timedelta(minutes=10), asked=False).ordered
    assert "does not answer" in keep(away, now + timedelta(minutes=10), asked=False).standing.words
    assert keep(away, now + timedelta(minutes=16), asked=False).ordered
    assert not keep(away, now + timedelta(minutes=40), asked=False).ordered
    back = keep(settings, now + timedelta(hours=1), asked=False)
    assert (back.standing.shown, back.standing.words) == ("automatic", "")


def test_a_rehearsal_that_is_away_stands_in_nobodys_way(settings, production):
    done = keep(replace(settings, rehearsal="https://127.0.0.1:9/dir"), moment(), asked=True)
    assert done.standing.shown == "automatic"
    assert production.orders == 1


def test_an_issuer_that_refuses_is_said_in_words(settings, front, tmp_path):
    with issuer(tmp_path / "strict", front.http, domainBlocklist=[NAME]) as strict:
        bundle = str(strict.bundle)
        done = keep(
            replace(settings, rehearsal="", issuer=strict.directory, bundle=bundle), moment(), asked=True
        )
    assert f"gives nobody a certificate for {NAME}" in done.standing.words


def test_while_it_cannot_be_renewed_the_old_one_is_shown(settings, staging):
    keep(settings, moment(), asked=True)
    staging.leads(NAME, "")
    done = keep(settings, moment() + timedelta(days=61), asked=False)
    assert done.standing.shown == "automatic"
    assert "cannot be renewed" in done.standing.words


def test_another_address_gets_a_certificate_of_its_own(settings, front, production, tmp_path):
    keep(settings, moment(), asked=True)
    text = front.configuration.read_text().replace(NAME, "other.example.org")
    front.configuration.write_text(text)
    front.reload()
    until(lambda: answers_to(front, "other.example.org"), "nginx does not know the new name")
    done = keep(replace(settings, name="other.example.org"), moment(), asked=True)
    assert (done.standing.shown, done.standing.names) == ("automatic", ("other.example.org",))
    assert production.orders == 2
