"""Why an issuer gave no certificate, in words. What stands here is what Let's Encrypt and certbot say."""

from dataclasses import replace

import pytest

from divebell.deploy.tls.order import command
from divebell.deploy.tls.refused import refused
from divebell.deploy.tls.settings import LETS_ENCRYPT, LETS_ENCRYPT_STAGING, Settings

NAME = "dive.example.org"


@pytest.mark.parametrize(
    ("said", "words", "ours"),
    [
        (
            "Type: dns Detail: DNS problem: NXDOMAIN looking up A for dive.example.org - check that a DNS record exists",
            "finds no address for dive.example.org in DNS",
            True,
        ),
        (
            "Detail: 203.0.113.7: Fetching http://dive.example.org/.well-known/x: Timeout during connect (likely firewall problem)",
            "cannot reach dive.example.org on port 80",
            True,
        ),
        (
            "Detail: 203.0.113.7: Fetching http://dive.example.org/.well-known/x: Connection refused",
            "cannot reach dive.example.org on port 80",
            True,
        ),
        (
            "Type: unauthorized Detail: 203.0.113.7: Invalid response from http://dive.example.org/.well-known/x: 404",
            "answered by another machine",
            True,
        ),
        (
            "urn:ietf:params:acme:error:rateLimited :: too many certificates (5) already issued for this exact set of names",
            "allows no more certificates",
            False,
        ),
        ("Detail: CAA record for dive.example.org prevents issuance", "a CAA record", True),
        (
            "urn:ietf:params:acme:error:rejectedIdentifier :: Policy forbids issuing for name",
            "gives nobody",
            True,
        ),
        ("Server requires external account binding.", "serves only accounts", True),
        (
            "requests.exceptions.ConnectionError: HTTPSConnectionPool: Max retries exceeded: [Errno 111] Connection refused",
            f"the issuer {LETS_ENCRYPT} does not answer",
            False,
        ),
        (
            "requests.exceptions.SSLError: certificate verify failed: unable to get local issuer",
            "does not trust",
            False,
        ),
        ("one\nDetail: something new\nAsk for help", "refused: Detail: something new", True),
        ("first\nlast line\n\n", "refused: last line", True),
        ("", "refused: it said nothing", True),
    ],
)
def test_a_refusal_is_said_in_words(said, words, ours):
    why = refused(NAME, LETS_ENCRYPT, said)
    assert words in why.reason
    assert why.ours is ours


@pytest.fixture
def settings(tmp_path):
    return Settings("automatic", NAME, str(tmp_path), "/var/www/acme", "/srv/certificate.json", ("true",))


def test_who_runs_the_event_need_not_tell_an_address(settings, tmp_path):
    words = command(settings, LETS_ENCRYPT, tmp_path)
    assert "--register-unsafely-without-email" in words
    assert words[words.index("--server") + 1] == LETS_ENCRYPT
    assert words[words.index("--config-dir") + 1] == str(tmp_path)


def test_only_lets_encrypt_has_a_rehearsal_that_is_known(settings):
    assert settings.rehearses_at == LETS_ENCRYPT_STAGING
    assert replace(settings, issuer="https://acme.example.org/dir").rehearses_at == ""
