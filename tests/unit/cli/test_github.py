"""`divebell github connect` writes a workflow, and says what is left to do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from divebell.cli import main
from divebell.cli.github.connection import Remote, parse_remote
from divebell.cli.github.workflow import PLACE, Wanted, branch_pattern, render, scalar
from divebell.event import State, ensure_secrets, load_event
from divebell.event.state import write_private

WANTED = Wanted("Housing loss", "main", "data", "https://dive.example.org", "1.2.3")
AWKWARD = replace(
    WANTED, name="A: 'b' # ${{ github.token }}", branch="c++/#1", folder="our data/${{ github.token }}; $(id)"
)
EVENT = "name: Housing loss\ndata:\n  repository: https://github.com/example/housing-loss\n"


def parsed(text: str) -> dict[str, object]:
    return YAML(typ="safe").load(text)


def steps(wanted: Wanted) -> list[dict[str, object]]:
    return parsed(render(wanted))["jobs"]["data"]["steps"]


@pytest.mark.parametrize(
    "wanted", [WANTED, AWKWARD, replace(WANTED, server=None)], ids=["usual", "awkward", "alone"]
)
def test_the_workflow_is_what_the_published_schema_says(wanted: Wanted, tmp_path: Path) -> None:
    file = tmp_path / "divebell.yml"
    file.write_text(render(wanted))
    words = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        str(file),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    uses = [line.strip() for line in render(WANTED).splitlines() if "uses:" in line]
    assert len(uses) == 2
    for line in uses:
        assert re.fullmatch(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)


def test_the_job_may_read_the_repository_and_nothing_else() -> None:
    known = parsed(render(WANTED))
    assert known["permissions"] == {"contents": "read"}
    assert "permissions" not in known["jobs"]["data"]
    [checkout] = [
        step["with"] for step in steps(WANTED) if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert checkout["persist-credentials"] is False


def test_divebell_is_installed_before_anything_of_the_repository_is_there() -> None:
    names = [step["name"] for step in steps(WANTED)]
    assert (
        names.index("Install divebell") < names.index("Fetch the commit") < names.index("Check what changed")
    )
    [install] = [step["run"] for step in steps(WANTED) if step["name"] == "Install divebell"]
    assert install.endswith("'divebell[check]==1.2.3'")


def test_one_step_alone_has_the_secret_and_a_pull_request_never_runs_it() -> None:
    text = render(WANTED)
    assert text.count("${{ secrets.") == 1
    [telling] = [step for step in steps(WANTED) if "env" in step]
    assert "github.event_name == 'push'" in telling["if"]
    assert "DIVEBELL_WEBHOOK_SECRET" in telling["env"]


@pytest.mark.parametrize("wanted", [WANTED, AWKWARD], ids=["usual", "awkward"])
def test_no_script_holds_what_somebody_else_may_write(wanted: Wanted) -> None:
    for step in steps(wanted):
        # the one expression that may stand there gives the text that it looks like
        script = step.get("run", "").replace("${{ '${{' }}", "")
        assert "${{" not in script
    if wanted is AWKWARD:
        [check] = [step["run"] for step in steps(wanted) if step["name"] == "Check what changed"]
        assert check == "divebell ci check --folder 'our data/${{ '${{' }} github.token }}; $(id)'"


def test_an_event_without_an_address_is_told_nothing() -> None:
    text = render(replace(WANTED, server=None))
    assert "secrets." not in text
    assert "divebell ci check" in text
    assert "divebell ci load" not in text


def test_a_branch_is_a_filter_for_this_branch_alone() -> None:
    assert branch_pattern("main") == "main"
    assert branch_pattern("c++") == r"c\+\+"
    assert parsed(render(AWKWARD))["on"]["push"]["branches"] == [r"c\+\+/#1"]


@pytest.mark.parametrize(
    "text", ["main", "no", "1.0", "a: b", "a #b", "- x", "[x]", "&a", "~", "é '\" \\", "a:", "null"]
)
def test_any_text_stays_this_text_in_yaml(text: str) -> None:
    assert parsed(f"key: [{scalar(text)}]") == {"key": [text]}
    assert parsed(f"key: {scalar(text)} # a comment") == {"key": text}


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/example/housing-loss",
        "https://github.com/example/housing-loss.git",
        "git@github.com:example/housing-loss.git",
        "ssh://git@github.com/example/housing-loss.git",
    ],
)
def test_the_repository_is_read_from_its_address(address: str) -> None:
    assert parse_remote(address) == Remote("github.com", "example", "housing-loss")


def test_what_is_no_github_address_is_none() -> None:
    assert parse_remote("../data") is None
    assert parse_remote("https://example.org/") is None
    assert Remote("git.example.org", "a", "b").argument == "git.example.org/a/b"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / "event.yaml").write_text(EVENT.replace("data:", "address: dive.example.org\ndata:"))
    return folder


def connect(*words: object) -> int:
    return main(["github", "connect", *map(str, words)])


def test_it_writes_the_file_and_says_what_to_do(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = State.beside(clone / "event.yaml")
    secret = ensure_secrets(load_event(clone), state).webhook_secret
    assert connect(clone) == 0
    out = capsys.readouterr().out
    assert f"wrote {clone / PLACE}" in out
    assert "| gh secret set DIVEBELL_WEBHOOK_SECRET --repo example/housing-loss" in out
    assert "https://github.com/example/housing-loss/settings/secrets/actions/new" in out
    assert secret in out
    assert "https://dive.example.org/services/event/hook" in out
    assert "application/json" in out
    assert "--server https://dive.example.org --wait" in (clone / PLACE).read_text()
    assert secret not in (clone / PLACE).read_text()


def test_a_second_time_changes_nothing(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert connect(clone, "--json") == 0
    assert json.loads(capsys.readouterr().out)["done"] == "new"
    assert connect(clone, "--json") == 0
    assert json.loads(capsys.readouterr().out)["done"] == "kept"
    assert connect(clone, "--json", "--server", "https://other.example.org/") == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["done"], known["server"]) == ("changed", "https://other.example.org")


def test_a_workflow_of_somebodys_own_stays(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = clone / PLACE
    file.parent.mkdir(parents=True)
    file.write_text("name: mine\n")
    assert connect(clone) == 1
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "name: mine\n"
    assert connect(clone, "--force") == 0
    assert "divebell ci" in file.read_text()


def test_print_shows_the_file_and_writes_nothing(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert connect(clone, "--print") == 0
    assert parsed(capsys.readouterr().out)["name"] == "divebell"
    assert not (clone / ".github").exists()


def test_a_clone_elsewhere_is_named(tmp_path: Path, clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    event = tmp_path / "event"
    event.mkdir()
    (event / "event.yaml").write_text(EVENT + "  datasets:\n    data/a.csv: {table: liens}\n")
    assert connect(event) == 1
    assert "--into CLONE" in capsys.readouterr().err
    (clone / "event.yaml").unlink()
    assert connect(event, "--into", clone) == 0
    out = capsys.readouterr().out
    assert "no address that GitHub reaches" in out
    assert "commit a copy of it there" in out


def test_an_event_that_follows_a_folder_is_told_so(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (clone / "event.yaml").write_text("name: E\ndata:\n  repository: .\n")
    subprocess.run(
        ["git", "-C", str(clone), "remote", "add", "origin", "git@github.com:example/housing-loss.git"],
        check=True,
    )
    assert connect(clone, "--json") == 0
    known = json.loads(capsys.readouterr().out)
    assert known["repository"] == "example/housing-loss"
    assert any("follows the folder ., not GitHub" in note for note in known["notes"])


def test_a_deployed_events_secret_is_that_of_its_server(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = State.beside(clone / "event.yaml")
    ensure_secrets(load_event(clone), state)
    (state.folder / "server").mkdir()
    write_private(state.folder / "server" / "secrets.json", json.dumps({"webhook_secret": "the server's"}))
    write_private(state.folder / "deploy.json", json.dumps({"name": "192.0.2.7", "user": "root"}))
    assert connect(clone) == 0
    out = capsys.readouterr().out
    assert "Secret  the server's" in out
    assert "--on root@192.0.2.7 | gh secret set" in out


def test_an_address_that_is_none_is_refused(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for address in (
        "dive.example.org",
        "ftp://x",
        "https://user:pw@x",
        "https://x/${{ secrets.A }}",
        "https://[x",
    ):
        assert connect(clone, "--server", address) == 1
        assert "cannot be read" in capsys.readouterr().err
