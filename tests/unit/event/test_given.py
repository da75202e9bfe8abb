"""What may be given as a secret, and that no message repeats it."""

from __future__ import annotations

import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from divebell.errors import DivebellError
from divebell.event import Secrets
from divebell.event.given import GIVEN, checked, given
from divebell.event.secrets import SECRETS_OF

HOST = "git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def key(folder: Path, *options: str) -> str:
    file = folder / "key"
    file.unlink(missing_ok=True)
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(file), "-C", "test", *options]
    subprocess.run(words, check=True)
    return file.read_text()


def test_each_is_a_secret_that_its_part_is_told() -> None:
    names = {field.name for field in fields(Secrets)}
    for one in GIVEN:
        assert one.field in names
        assert one.field in SECRETS_OF[one.reaches]


def test_a_key_a_token_and_hosts_are_kept_as_they_are_needed(tmp_path: Path) -> None:
    text = key(tmp_path, "-N", "")
    assert checked(given("repository-key"), text.replace("\n", "\r\n")) == text
    assert checked(given("repository-token"), " abc:def\n") == "abc:def"
    assert (
        checked(given("repository-hosts"), f"# comment\n{HOST}\n\n{HOST} more")
        == f"# comment\n{HOST}\n\n{HOST} more\n"
    )


def test_a_webhook_secret_is_made_where_none_is_given() -> None:
    one = given("webhook-secret")
    made = checked(one, "")
    assert len(made) == 64
    assert checked(one, "") != made


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("repository-token", "s3cret two", "one line without blanks"),
        ("repository-token", "", "nothing was given"),
        ("webhook-secret", "s3cret", "at least 16 characters"),
        ("repository-key", "ssh-ed25519 s3cret", "the public half"),
        ("repository-key", "s3cret", "a private key: a text from"),
        (
            "repository-key",
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\ns3cret\n-----END RSA PRIVATE KEY-----",
            "passphrase",
        ),
        ("repository-hosts", f"{HOST}\ns3cret", "line 2"),
    ],
)
def test_what_cannot_be_right_is_refused_without_being_repeated(name: str, text: str, said: str) -> None:
    with pytest.raises(DivebellError, match=said) as error:
        checked(given(name), text)
    assert "s3cret" not in str(error.value)


def test_a_key_with_a_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DivebellError, match="passphrase, which nobody is there to type"):
        checked(given("repository-key"), key(tmp_path, "-N", "a passphrase"))


def test_another_name_is_refused_with_all_that_there_are() -> None:
    with pytest.raises(DivebellError, match="repository-token, repository-key, repository-hosts"):
        given("password")
