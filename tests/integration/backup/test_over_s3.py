"""Backups go to a store that is reached as S3 is, and come back from there."""

from __future__ import annotations

import json
import os
import uuid

import pytest


@pytest.mark.s3
def test_an_event_goes_to_a_bucket_and_comes_back(worked_in, tmp_path, divebell, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-very-secret-key")
    store = f"{os.environ['DIVEBELL_S3_STORE'].rstrip('/')}/{uuid.uuid4()}"
    for _ in range(2):
        taken = divebell("backup", worked_in.folder, "--to", store, "--json")
        assert taken.returncode == 0, taken.stderr
    assert (
        len(
            json.loads(divebell("backup", worked_in.folder, "--to", store, "--list", "--json").stdout)[
                "backups"
            ]
        )
        == 2
    )
    back = divebell(
        "restore", tmp_path / "elsewhere", "--from", store, "--json", key=worked_in.secrets.backup_password
    )
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["rows"] == json.loads(taken.stdout)["rows"]
    assert "a-very-secret-key" not in taken.stdout + taken.stderr + back.stdout + back.stderr
