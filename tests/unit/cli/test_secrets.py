"""`divebell secrets`: set, listed, shown and removed; never printed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from divebell.cli import main
from divebell.event import load_secrets

TOKEN = "ghp_s3cretTokenOfTheRepository"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    def give(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return give


def test_a_token_is_set_listed_and_removed_and_never_printed(
    event_folder: Any, given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    event_folder.state.ports_file.unlink()
    given(f"{TOKEN}\n")
    assert main(["secrets", "set", "repository-token", str(event_folder.folder)]) == 0
    assert load_secrets(event_folder.state).repository_token == TOKEN
    assert main(["secrets", "list", str(event_folder.folder), "--json"]) == 0
    printed = capsys.readouterr().out
    told = json.loads(printed[printed.index("{") :])["secrets"]
    assert {one["name"]: one["set"] for one in told} == {
        "repository-token": True,
        "repository-key": False,
        "repository-hosts": False,
        "github-client-secret": False,
        "webhook-secret": True,
    }
    assert main(["secrets", "remove", "repository-token", str(event_folder.folder)]) == 0
    assert load_secrets(event_folder.state).repository_token == ""
    assert "s3cret" not in printed + capsys.readouterr().out


def test_an_event_that_is_not_up_takes_a_secret_too(event_folder: Any, given: Any) -> None:
    given(TOKEN)
    assert main(["secrets", "set", "github-client-secret", str(event_folder.folder)]) == 0
    assert load_secrets(event_folder.state).github_client_secret == TOKEN


def test_only_the_webhooks_secret_is_shown_and_it_is_renewed_by_setting_nothing(
    event_folder: Any, given: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = event_folder.secrets.webhook_secret
    assert main(["secrets", "show", "webhook-secret", str(event_folder.folder)]) == 0
    assert capsys.readouterr().out.strip() == before
    given("")
    assert main(["secrets", "set", "webhook-secret", str(event_folder.folder)]) == 0
    assert load_secrets(event_folder.state).webhook_secret not in {"", before}
    assert main(["secrets", "remove", "webhook-secret", str(event_folder.folder)]) == 0
    assert load_secrets(event_folder.state).webhook_secret not in {"", before}
    assert main(["secrets", "show", "repository-token", str(event_folder.folder)]) == 1
    assert "is never shown" in capsys.readouterr().err


def test_a_secret_goes_to_a_server_over_ssh_and_is_in_no_argument(
    event_folder: Any, given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/said\ncat > {tmp_path}/heard\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    given(TOKEN)
    words = ["secrets", "set", "repository-token", str(event_folder.folder), "--on", "root@dive.example.org"]
    assert main(words) == 0
    assert (tmp_path / "heard").read_text() == TOKEN
    said = (tmp_path / "said").read_text()
    assert "divebell secrets set repository-token /srv/divebell/event" in said
    assert TOKEN not in said
