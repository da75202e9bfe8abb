"""On a server, where each part has an account of its own: pushes come in, work goes out, everybody has it."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from deployment import ADDRESS, HOST, STATE, Deployment
from elsewhere import HELD, HUNT, PROCESSES, Elsewhere, elsewhere
from github_standin import CLIENT_ID
from live import until
from visitor import sign_in, wait
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
    until(lambda: "welcome" in kernel.run("import os; print(os.listdir())"), "there is no home", 180)
    sha = commit(event, "printf 'id,depth\\n1,5\\n2,7\\n' > data/springs.csv")
    assert deliver(event, b'{"ref": "refs/heads/main", "a": 1}', b"not the secret") == 401
    assert deliver(event, b'{"ref": "refs/heads/main"}', key) == 202
    until(lambda: state(event, sha, key)["state"] == "loaded", "the commit was not loaded", 180)
    [springs] = [one for one in state(event, sha, key)["datasets"] if one["file"] == "data/springs.csv"]
    assert (springs["table"], springs["rows"], springs["changed"]) == ("springs", 2, True)
    here = "print([open(os.path.expanduser(f'~/{each}/data/springs.csv')).read() for each in ('event', 'my-event')])"
    until(lambda: kernel.run(here).count("2,7") == 2, "it is not in the copies", 180)


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
    until(lambda: event.sql(done) == "True", "it was not committed", 180)


def test_git_in_a_container_clones_and_pushes_as_its_owner(event: Deployment, ida) -> None:
    _, kernel = ida
    until(lambda: "rivers" in branch(event, "ida"), "what was shared is on no branch", 180)
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


@pytest.fixture(scope="module")
def outside(event: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """A private repository and GitHub; the event is what it was when the tests with them have ended."""
    file = event.folder / "event.yaml"
    before = file.read_text()
    with elsewhere(event, tmp_path_factory.mktemp("outside")) as hosts:
        yield hosts
        file.write_text(before)
        event.deploy()
    until(lambda: there(event, "counties"), "the event's own data did not come back", 180)
    assert event.browser().follow("/").status_code == 200
    assert event.facts["address"] == ADDRESS


def there(event: Deployment, table: str) -> bool:
    return event.sql(f"SELECT to_regclass('data.{table}') IS NOT NULL") == "True"


def test_over_ssh_a_private_repository_is_followed_and_given_what_is_shared(
    event: Deployment, ida, outside: Elsewhere
) -> None:
    event.give("repository-key", outside.ssh.key)
    event.give("repository-hosts", outside.ssh.hosts)
    outside.github.secret = secrets.token_hex(20)
    event.give("github-client-secret", outside.github.secret)
    github = f"client_id: {CLIENT_ID}, organisations: [datakind], address: '{outside.github.address}'"
    event.edit("sign_in: event-password", f"sign_in: github\n  github: {{{github}}}")
    event.edit("repository: .*", f"repository: {outside.ssh.address}\n  push: true")
    outside.clone.push({"data/creeks.csv": "id,depth\n1,5\n"})
    event.deploy()
    until(lambda: there(event, "creeks"), "the repository was not followed", 180)
    until(lambda: "ida" in outside.authors("shared/ida"), "what was shared was not pushed", 180)


def test_who_comes_from_github_is_led_back_over_https_and_stays_past_a_restart(
    event: Deployment, outside: Elsewhere
) -> None:
    outside.github.account(42, "Lena-K", "datakind")
    with event.chromium() as lena:
        lena.get(ADDRESS)
        wait(lena).until(lambda d: d.find_element(By.ID, "github")).click()
        wait(lena).until(lambda d: d.find_element(By.NAME, "login")).send_keys("Lena-K", Keys.ENTER)
        wait(lena).until(lambda d: d.find_element(By.CSS_SELECTOR, "[name=authorize][value='1']")).click()
        wait(lena).until(lambda d: d.current_url == f"{ADDRESS}services/event/")
        cookies = lena.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
        ours = [one for one in cookies if one["domain"] == HOST]
        assert ours
        assert [one["name"] for one in ours if not one["secure"]] == []
        event.target.ssh("systemctl restart divebell.target")
        event.wait_until_ready()
        outside.clone.push({"data/brooks.csv": "id,depth\n1,5\n"})
        until(lambda: there(event, "brooks"), "the repository is not followed after the restart", 180)
        body = (By.TAG_NAME, "body")
        wait(lena).until(lambda d: d.get(ADDRESS) or "lena_k" in d.find_element(*body).text)


def test_over_https_the_token_is_with_root_and_the_loader_alone(
    event: Deployment, ida, outside: Elsewhere
) -> None:
    event.give("repository-token", outside.https.token)
    event.edit("repository: ssh.*", f"repository: {outside.https.address}")
    event.edit("(?s)sign_in: github.*?}", "sign_in: invitations")
    outside.clone.push({"data/ponds.csv": "id,depth\n1,5\n"})
    seen: list[str] = []
    outside.https.watch = lambda: seen.append(event.target.ssh(PROCESSES).stdout)
    event.deploy()
    until(lambda: there(event, "ponds"), "the repository was not followed", 180)
    outside.https.watch = None
    signed_in = base64.b64encode(f"x-access-token:{outside.https.token}".encode()).decode()
    assert f"Basic {signed_in}" in {sent for _, sent in outside.https.requests}
    assert any("remote-https" in said for said in seen)
    assert [one for one in seen if outside.https.token in one or signed_in in one] == []
    event.target.ssh("systemctl start divebell-backup")
    for secret in (outside.https.token, signed_in, outside.ssh.key.splitlines()[2]):
        found = event.target.ssh(HUNT, stdin=secret).stdout.split()
        assert set(found) == ({*HELD, "journal=0"} if secret != signed_in else {"journal=0"})
        kept = [
            one for one in event.folder.rglob("*") if one.is_file() and secret.encode() in one.read_bytes()
        ]
        assert {one.name for one in kept} <= {"secrets.json"}
    for account in ("proxy", "hub", "web", "watchdog", "reader"):
        tried = f"runuser -u divebell-{account} -- cat /etc/hostname {' '.join(HELD)} 2> /dev/null"
        assert event.target.ssh(tried, check=False).stdout.strip() == HOST, account


def test_cards_that_the_organiser_prints_here_let_people_in_there(
    event: Deployment, outside: Elsewhere, tmp_path: Path
) -> None:
    file = tmp_path / "cards.pdf"
    printed = event.about_people("cards", "vera", "--table", "Table 3", "--uses", "2", "--out", str(file))
    assert (printed["cards"], printed["file"]) == (2, str(file))
    assert file.stat().st_mode & 0o077 == 0
    text = subprocess.run(
        ["pdftotext", "-layout", file, "-"], check=True, capture_output=True, text=True
    ).stdout
    assert ADDRESS.removeprefix("https://").rstrip("/") in text
    codes = re.findall(r"\b[0-9A-Z]{3}-[0-9A-Z]{4}-[0-9A-Z]{4}\b", text)
    assert len(codes) == 2
    vera = event.browser()
    assert with_code(vera, "vera", codes[0]).status_code == 302
    assert vera.who() == "vera"
    [link] = event.about_people("invite", "tom")["invitations"]
    with event.chromium() as tom:
        tom.get(link["link"])
        wait(tom).until(lambda d: d.find_element(By.CSS_SELECTOR, "form [type=submit]")).click()
        wait(tom).until(lambda d: d.find_element(By.ID, "return-code"))
    listed = {one["id"]: one for one in event.about_people("invitations")["invitations"]}
    assert listed[link["id"]]["state"] == "used"
    table = next(one for one in listed.values() if one["label"] == "Table 3")
    event.about_people("revoke", table["id"])
    assert with_code(event.browser(), "uwe", codes[-1]).status_code == 403
    key = link["link"].partition("key=")[2]
    assert event.target.ssh(HUNT, stdin=key).stdout.split() == ["journal=0"]


def with_code(browser: Browser, name: str, code: str) -> httpx.Response:
    fields = {"username": name, "code": code, "_xsrf": browser.form()}
    return browser.client.post("/hub/login", data=fields)


def test_somebody_asks_for_an_account_and_an_ambassador_lets_them_in(
    event: Deployment, outside: Elsewhere
) -> None:
    event.edit("sign_in: invitations", "sign_in: accounts")
    event.deploy()
    with event.chromium() as nora, event.chromium() as maria:
        nora.get(ADDRESS)
        wait(nora).until(lambda d: d.find_element(By.LINK_TEXT, "Ask for one")).click()
        for field, text in {"username": "nora", "password": "three words here", "note": "Nora"}.items():
            wait(nora).until(lambda d, field=field: d.find_element(By.ID, field)).send_keys(text)
        nora.find_element(By.CSS_SELECTOR, "main button").click()
        wait(nora).until(lambda d: "account/wait" in d.current_url)
        assert [one["name"] for one in event.about_people("list")["people"] if one["state"] == "asked"] == [
            "nora"
        ]
        sign_in(maria, event, "maria", event.ambassadors["maria"])
        wait(maria).until(lambda d: d.find_element(By.LINK_TEXT, "One person asks for an account")).click()
        wait(maria).until(lambda d: d.find_element(By.XPATH, "//button[contains(., 'Approve')]")).click()
        wait(nora).until(lambda d: d.current_url == f"{ADDRESS}services/event/")
    event.about_people("reset", "nora")
    assert event.browser().sign_in("nora", "three words here").status_code == 403


def test_accounts_of_the_machine_sign_in_where_the_hub_is_not_root(
    event: Deployment, outside: Elsewhere
) -> None:
    event.target.ssh("useradd --create-home --shell /bin/bash olga && echo olga:three-wet-socks | chpasswd")
    event.edit("sign_in: accounts", "sign_in: system")
    event.deploy()
    assert event.browser().sign_in("olga", "three-dry-socks").status_code == 403
    olga = event.browser()
    assert olga.sign_in("olga", "three-wet-socks").status_code == 302
    assert olga.who() == "olga"
    maria = event.browser()
    assert maria.sign_in("maria", event.ambassadors["maria"]).status_code == 302
