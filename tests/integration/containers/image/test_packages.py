"""An event's own packages: one more layer."""

from __future__ import annotations

import json
import os

import pytest

from divebell.containers import image
from divebell.containers.image import builder, trial
from divebell.containers.image.requirements import wanted_names
from divebell.errors import DivebellError

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def with_packages(workspace, make_event, client):
    """Give an image with packages of the event, and what was said while it was built."""
    event = make_event("packages: ['ipympl>=0.9', humanize]")
    if image.find(client, image.tag(event)):
        client.images.remove(image.tag(event))
    heard = []
    built = image.build(event, heard.append, image.Wish(builder.bundle_of(os.environ)))
    yield built, heard
    client.images.remove(built.tag)


def test_adding_packages_builds_nothing_else(with_packages):
    built, heard = with_packages
    assert not built.was_there
    for untouched in ("Debian's packages", "the installer", "Python's packages"):
        assert f"{untouched}: as before" in heard


def test_only_what_was_not_there_is_added(with_packages, run):
    manifest = json.loads(run(with_packages[0].tag, "cat", "/opt/event/MANIFEST"))
    assert manifest["event_packages"].keys() == {"ipympl", "humanize"}
    assert "matplotlib" in manifest["packages"]


def test_they_work_like_all_others_with_their_part_in_jupyterlab(with_packages, client, run):
    tag = with_packages[0].tag
    tried = trial.try_image(client, tag, {}, as_json=True)
    assert tried.good, tried.output + tried.errors
    assert json.loads(tried.output)["packages"]["found"].startswith(f"{len(wanted_names()) + 2} packages")
    listed = "jupyter labextension list 2>&1"
    assert "jupyter-matplotlib" in run(tag, "sh", "-c", listed)


def test_packages_that_need_others_versions_are_named_with_the_reason(workspace, make_event):
    event = make_event("packages: [humanize, 'numba==0.59.1']")
    with pytest.raises(DivebellError) as refused:
        image.build(event, print, image.Wish(builder.bundle_of(os.environ)))
    assert "numba==0.59.1: " in refused.value.message
    assert "numpy" in refused.value.message
    assert "humanize:" not in refused.value.message
    assert "`packages`" in refused.value.next_step
