"""Which secrets go along to a server."""

from __future__ import annotations

from divebell.deploy.carried import CARRIED, command, compare
from divebell.event import Secrets


def test_what_the_server_has_not_goes_along_and_what_it_has_otherwise_is_named() -> None:
    here = Secrets(repository_token="here", repository_key="same", github_client_secret="new")
    there = Secrets(repository_token="there", repository_key="same")
    missing, others = compare(here, there)
    assert [one.name for one in missing] == ["github-client-secret"]
    assert [one.name for one in others] == ["repository-token"]


def test_the_webhooks_secret_is_the_servers_own() -> None:
    assert "webhook-secret" not in {one.name for one in CARRIED}
    assert compare(Secrets(), Secrets()) == ([], [])


def test_a_secret_is_in_no_command() -> None:
    assert command(CARRIED[0]) == (
        "exec /usr/local/bin/divebell secrets set repository-token /srv/divebell/event"
    )
