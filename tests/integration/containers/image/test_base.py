"""The base image, where no registry has it."""

from __future__ import annotations

import os

import pytest

from divebell.containers.image import base
from divebell.errors import DivebellError

pytestmark = pytest.mark.timeout(900)


def test_a_base_that_is_there_is_taken_as_it_is(client, workspace, make_event):
    heard = []
    assert base.ensure_base(client, make_event().workspace.base, heard.append).startswith("sha256:")
    assert heard == []


def test_a_base_that_nobody_has_is_told_with_what_was_tried(client):
    heard = []
    with pytest.raises(DivebellError) as refused:
        base.ensure_base(client, "localhost:1/nobody/has:1", heard.append)
    assert heard == ["pulling localhost:1/nobody/has:1"]
    assert "cannot be pulled" in refused.value.message
    assert "no Debian that can be made" in refused.value.message
    assert "docker load" in refused.value.next_step


@pytest.mark.root
def test_debian_is_made_here_and_gets_security_updates(client, run):
    name = f"divebell-test-base:{os.getpid()}"
    try:
        assert base.make(client, name, "bookworm").startswith("sha256:")
        assert "VERSION_CODENAME=bookworm" in run(name, "cat", "/etc/os-release")
        assert "bookworm-security" in run(name, "cat", "/etc/apt/sources.list")
        assert client.images.get(name).attrs["Size"] < 300_000_000
    finally:
        client.images.remove(name)
