"""On a server, where each part has an account of its own: pushes come in, work goes out, everybody has it."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator

import pytest

from deployment import ADDRESS, STATE, Deployment
from live import until
from volunteer import Browser, Kernel

pytestmark = pytest.mark.timeout(1800)

REPOSITORY = "/srv/divebell/repository.git"
EVENT = "/srv/divebell/event"
ROOT = "/services/event/"
COMMIT = """
set -e
work=$(mktemp -d)
git clone --quiet {repository} $work
cd $work
{change}
git add --all
git -c user.name=maria -c user.email=maria@example.org commit --quiet --message 'More'
git push --quiet origin HEAD
git rev-parse HEAD
rm -r $work
"""
NOTEBOOK = """
import json, pathlib
cell = {"cell_type": "markdown", "metadata": {}, "source": "# Rivers by county", "id": "a"}
pathlib.Path("rivers.ipynb").write_text(json.dumps(
    {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
import divebell
print(divebell.publish("rivers.ipynb").url)
"""
GIT = """
import subprocess
print(subprocess.run(
    "git clone --quiet $DIVEBELL_GIT work && cd work && git switch --quiet shared/$DIVEBELL_PERSON"
    " && echo dry > finding.md && git add . && git commit --quiet -m Finding && git push --quiet && echo pushed",
    shell=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout)
"""


@pytest.fixture(scope="module")
def ida(event: Deployment) -> Iterator[tuple[Browser, Kernel]]:
    """Ida at a kernel."""
    browser, kernel = event.at_notebook("ida")
    yield browser, kernel
    kernel.close()


def commit(event: Deployment, change: str) -> str:
    """Commit to the event's repository as somebody who pushes to it; give the commit."""
    script = COMMIT.format(repository=REPOSITORY, change=change)
    return event.target.ssh(script).stdout.strip().splitlines()[-1]


def secret(event: Deployment) -> bytes:
    return event.ask("secrets", "show", "webhook-secret").strip().encode()


def deliver(event: Deployment, body: bytes, key: bytes) -> int:
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": hashlib.sha256(body).hexdigest()[:32],
        "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest(),
    }
    with event.client() as client:
        return client.post(f"{ROOT}hook", content=body, headers=headers).status_code


def state(event: Deployment, sha: str, key: bytes) -> dict:
    path, now = f"{ROOT}api/commits/{sha}", int(time.time())
    signature = hmac.new(key, f"GET {path} {now}".encode(), hashlib.sha256).hexdigest()
    with event.client() as client:
        answer = client.get(
            path, headers={"X-Divebell-Time": str(now), "X-Divebell-Signature": f"sha256={signature}"}
        )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_push_is_a_table_and_in_everybodys_copy_and_the_ci_is_told(event: Deployment, ida) -> None:
    _, kernel = ida
    key = secret(event)
    until(lambda: "welcome" in kernel.run("import os; print(os.listdir())"), "there is no home", 60)
    sha = commit(event, "printf 'id,depth\\n1,5\\n2,7\\n' > data/springs.csv")
    assert deliver(event, b'{"ref": "refs/heads/main", "a": 1}', b"not the secret") == 401
    assert deliver(event, b'{"ref": "refs/heads/main"}', key) == 202
    until(lambda: state(event, sha, key)["state"] == "loaded", "the commit was not loaded", 60)
    [springs] = [one for one in state(event, sha, key)["datasets"] if one["file"] == "data/springs.csv"]
    assert (springs["table"], springs["rows"], springs["changed"]) == ("springs", 2, True)
    here = "print([open(os.path.expanduser(f'~/{each}/data/springs.csv')).read() for each in ('event', 'my-event')])"
    until(lambda: kernel.run(here).count("2,7") == 2, "it is not in the copies", 60)


def test_a_notebook_is_shared_from_a_container_drawn_and_committed(event: Deployment, ida) -> None:
    browser, kernel = ida
    said = kernel.run(NOTEBOOK).strip()
    assert f"{ROOT}gallery/ida/" in said, said
    place = ROOT + said.partition(ROOT)[2].split()[0]
    assert browser.follow(f"{ROOT}gallery").text.count("Rivers by county")
    frame = browser.follow(f"{place}/frame")
    assert frame.status_code == 200, frame.text
    assert "Rivers by county" in frame.text
    assert "sandbox" in frame.headers["content-security-policy"]
    done = "SELECT bool_and(committed_at IS NOT NULL) FROM shared.version"
    until(lambda: event.sql(done) == "True", "it was not committed", 60)


def test_git_in_a_container_clones_and_pushes_as_its_owner(event: Deployment, ida) -> None:
    _, kernel = ida
    until(lambda: "rivers" in branch(event, "ida"), "what was shared is on no branch", 60)
    said = kernel.run(GIT)
    assert said.strip().endswith("pushed"), said
    assert "finding.md" in branch(event, "ida")


def branch(event: Deployment, name: str) -> str:
    listed = (
        f"git -c safe.directory='*' --git-dir={STATE}/repository.git ls-tree -r --name-only shared/{name}"
    )
    return event.target.ssh(listed, check=False).stdout


def test_who_signed_in_and_from_where_is_written_down(event: Deployment, ida) -> None:
    logged = json.loads(event.ask("people", "list", "--log", "--json"))
    [first] = [one for one in logged["sign_ins"] if one["name"] == "ida"][-1:]
    assert first["way"] == "event-password"
    assert first["address"] not in {"", "127.0.0.1"}


def test_accounts_of_the_machine_sign_in_where_the_hub_is_not_root(event: Deployment) -> None:
    event.target.ssh("useradd --create-home --shell /bin/bash olga && echo olga:three-wet-socks | chpasswd")
    event.edit("sign_in: event-password", "sign_in: system")
    event.deploy()
    try:
        assert event.browser().sign_in("olga", "three-dry-socks").status_code == 403
        olga = event.browser()
        assert olga.sign_in("olga", "three-wet-socks").status_code == 302
        assert olga.who() == "olga"
        maria = event.browser()
        assert maria.sign_in("maria", event.ambassadors["maria"]).status_code == 302
    finally:
        event.edit("sign_in: system", "sign_in: event-password")
        event.deploy()
    assert event.browser().follow("/").status_code == 200
    assert event.facts["address"] == ADDRESS
