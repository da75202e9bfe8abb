"""The client that asks GitHub, as the event file sets it up."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from divebell.event.github import GitHub
from divebell.hub.login import github, github_people
from divebell.hub.login.github import in_words
from divebell.hub.login.github_api import Account, EnoughError, RefusedTokenError, belongs, make_client
from divebell.hub.login.github_people import Due, Seal

APP = {"client_id": "Iv1.0123456789abcdef"}


def client(**keys):
    return make_client(GitHub(**APP, **keys), "secret", "https://dive.example.org/")


def test_the_public_github_is_asked_where_it_answers():
    made = client(people=["ana"])
    assert made.authorize_url == "https://github.com/login/oauth/authorize"
    assert made.token_url == "https://github.com/login/oauth/access_token"
    assert made.userdata_url == "https://api.github.com/user"
    assert made.oauth_callback_url == "https://dive.example.org/hub/oauth_callback"
    assert made.enable_pkce


def test_an_own_github_is_asked_at_its_address(monkeypatch):
    monkeypatch.setenv("GITHUB_URL", "https://elsewhere.example")
    made = client(people=["ana"], address="https://github.example.org")
    assert made.userdata_url == "https://github.example.org/api/v3/user"
    assert made.authorize_url == "https://github.example.org/login/oauth/authorize"


def test_no_more_is_asked_than_is_needed():
    assert client(people=["ana"]).scope == []
    assert client(organisations=["datakind"]).scope == ["read:org"]
    assert client(teams=["civic-tech/dc"]).scope == ["read:org"]


def test_nobody_is_let_in_for_being_on_github():
    made = client(organisations=["datakind"], teams=["civic-tech/dc"])
    assert (made.allow_all, made.allow_existing_users, made.allowed_users) == (False, False, set())
    assert made.allowed_organizations == {"datakind", "civic-tech:dc"}
    stranger = Account(1, "stranger", {"access_token": "x", "token_type": "bearer"})
    assert asyncio.run(belongs(client(people=["ana"]), stranger)) is False


def test_who_uses_up_their_own_questions_keeps_nobody_else_in(monkeypatch):
    seal, gone, stopped = Seal("a" * 64), [], []
    due = [
        Due(number, name, None, seal.close({"access_token": name}))
        for number, name in ((1, "ana"), (2, "ben"))
    ]

    async def ask(question, *values):
        return due if question is github_people.due else gone.append((question, *values))

    async def ask_account(_, token):
        raise {"ana": EnoughError("answered 403"), "ben": RefusedTokenError("401")}[token["access_token"]]

    async def stop(name):
        stopped.append(name)

    monkeypatch.setattr(github, "ask_account", ask_account)
    organisation = GitHub(**APP, organisations=["datakind"])
    gate = github.Gate(SimpleNamespace(ask=ask), organisation, client(organisations=["datakind"]), seal, stop)
    asyncio.run(gate.look_again())
    assert gone == [(github_people.sign_out, 2)]
    assert stopped == ["ben"]


def test_a_token_is_read_with_the_events_own_key_alone():
    token = {"access_token": "gho_secret", "token_type": "bearer"}
    sealed = Seal("a" * 64).close(token)
    assert b"gho_secret" not in sealed
    assert Seal("a" * 64).open(sealed) == token
    for other, kept in (("b" * 64, sealed), ("a" * 64, None), ("a" * 64, b"nonsense")):
        assert Seal(other).open(kept) is None


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"organisations": ["datakind"]}, "the organisation datakind"),
        ({"teams": ["a/b"], "people": ["ana"]}, "the team a/b or the list of people of this event"),
    ],
)
def test_who_may_come_is_said_without_naming_people(keys, words):
    assert in_words(GitHub(**APP, **keys)) == words
