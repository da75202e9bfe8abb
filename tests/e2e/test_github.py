"""A push to a repository, its workflow run as GitHub would, and an event that follows it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from divebell.database import connect
from divebell.event import load_secrets
from git_host import git
from live import LiveEvent, bring_up, divebell, free_port, live_event
from runner import Job, Occasion, run_job

EVENT = """\
name: Housing loss
people:
  ambassadors: [maria]
workspace:
  runs_in: processes
data:
  repository: {central}
database:
  scratch: 256 MB
"""
WELLS = "id,depth,lon,lat\n1,10,8.5,47.1\n2,20,8.6,47.2\n"
SITES = "code,name\n00501,Holtsville\n"
TELL = "Tell the event, and wait until it has loaded the commit"
CHECK = "Check what changed"


@dataclass
class GitHub:
    """A repository with a workflow, somebody's clone of it, and the event that follows it."""

    event: LiveEvent
    central: Path
    clone: Path
    runs: Path
    secret: str

    @property
    def workflow(self) -> str:
        return (self.clone / ".github/workflows/divebell.yml").read_text()

    def commit(self, files: dict[str, str | bytes | None]) -> tuple[str, str]:
        """Change files in the clone; give the commit before and the new one."""
        before = git(self.clone, "rev-parse", "HEAD")
        for name, content in files.items():
            file = self.clone / name
            file.parent.mkdir(exist_ok=True, parents=True)
            if content is None:
                file.unlink()
            else:
                file.write_bytes(content.encode() if isinstance(content, str) else content)
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "--quiet", "--message=Change")
        return before, git(self.clone, "rev-parse", "HEAD")

    def publish(self, files: dict[str, str | bytes | None]) -> tuple[str, str]:
        """Push a change, and give the commit before and the new one."""
        commits = self.commit(files)
        git(self.clone, "push", "--quiet", "origin", "main")
        return commits

    def push(self, files: dict[str, str | bytes | None], **more: str) -> Job:
        """Push a change, and run the workflow for it."""
        before, after = self.publish(files)
        return self.run(after, {"before": before, "after": after}, **more)

    def run(self, commit: str, event: dict[str, object], *, name: str = "push", **more: str) -> Job:
        secrets = {"DIVEBELL_WEBHOOK_SECRET": more.get("secret", self.secret)} if name == "push" else {}
        occasion = Occasion(self.central, commit, event, name, secrets)
        number = len(list(self.runs.iterdir()))
        return run_job(more.get("workflow", self.workflow), occasion, self.runs / str(number))

    def column(self, query: str) -> list[object]:
        with connect(self.event.state, "event_loader") as connection:
            return [row[0] for row in connection.execute(query)]


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    root = tmp_path_factory.mktemp("github")
    central, clone = root / "central.git", root / "clone"
    git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(central))
    git(central, "config", "uploadpack.allowFilter", "true")
    git(root, "clone", "--quiet", str(central), str(clone))
    git(clone, "checkout", "--quiet", "-B", "main")
    for folder in (root / "event", root / "runs", clone / "data"):
        folder.mkdir()
    (root / "event" / "event.yaml").write_text(EVENT.format(central=central))
    (clone / "data" / "wells.csv").write_text(WELLS)
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message=Wells")
    git(clone, "push", "--quiet", "origin", "main")
    with live_event(root / "event") as event:
        told = divebell(
            "github", "connect", event.folder, "--into", clone, "--server", event.address, "--json"
        )
        known = json.loads(told.stdout)
        assert known["secret"]["value"] == load_secrets(event.state).webhook_secret
        yield GitHub(event, central, clone, root / "runs", known["secret"]["value"])


def test_a_good_commit_is_checked_loaded_and_shown(github: GitHub) -> None:
    job = github.push({"data/sites.csv": SITES})
    assert job.succeeded, [step.log for step in job.steps.values()]
    assert "sites: 1 rows" in job.steps[CHECK].log
    assert "wells" not in job.steps[CHECK].log  # it has not changed
    assert "data/sites.csv -> sites: 1 rows" in job.steps[TELL].log
    assert "<td>sites</td><td>1</td>" in job.steps[TELL].summary
    assert github.column("SELECT code FROM data.sites") == ["00501"]


def test_only_the_step_that_tells_the_event_knows_the_secret(github: GitHub) -> None:
    job = github.push({"data/sites.csv": SITES + "01001,Agawam\n"})
    assert job.succeeded
    told = [name for name, step in job.steps.items() if github.secret in step.environment.values()]
    assert told == [TELL]
    assert not any(github.secret in step.log + step.summary for step in job.steps.values())


def test_a_broken_file_is_named_beside_the_commit_and_the_others_are_loaded(github: GitHub) -> None:
    job = github.push({"data/broken.zip": b"PK\x03\x04 no zip", "data/wells.csv": WELLS + "3,30,8.7,47.3\n"})
    assert (job.steps[CHECK].code, job.steps[TELL].code) == (1, 1)
    for step in (job.steps[CHECK], job.steps[TELL]):
        [error] = [line for line in step.annotations if line.startswith("::error")]
        assert error.startswith("::error file=data/broken.zip,title=divebell::")
        assert "File is not a zip file" in error
        assert "File is not a zip file" in step.summary
    assert github.column("SELECT count(*) FROM data.wells") == [3]
    mended = github.push({"data/broken.zip": None})
    assert mended.succeeded
    assert "data/broken.zip is gone" in mended.steps[CHECK].log


def test_somebody_elses_broken_file_does_not_fail_a_later_commit(github: GitHub) -> None:
    github.publish({"data/broken.zip": b"PK\x03\x04 no zip"})
    job = github.push({"data/more.csv": SITES})
    assert job.succeeded, job.steps[TELL].log
    assert "Since an earlier commit: data/broken.zip is not loaded" in job.steps[TELL].log
    github.publish({"data/broken.zip": None})


def test_a_renamed_file_is_shown_as_renamed_and_its_table_follows(github: GitHub) -> None:
    job = github.push({"data/more.csv": None, "data/places.csv": SITES})
    assert job.succeeded, [step.log for step in job.steps.values()]
    assert "data/places.csv was data/more.csv" in job.steps[CHECK].log
    assert github.column("SELECT count(*) FROM data.places") == [1]


def test_a_pull_request_is_checked_and_tells_the_event_nothing(github: GitHub) -> None:
    hostile = "data/x\n::error::mine\n##[add-mask]a,b%0A.csv"
    before, after = github.commit({hostile: WELLS, "data/broken.zip": b"PK\x03\x04 no zip"})
    git(github.clone, "push", "--quiet", "origin", "HEAD:refs/pull/1/merge")
    git(github.clone, "reset", "--quiet", "--hard", before)
    event = {"pull_request": {"base": {"sha": before}, "title": "$(touch pwned)"}}
    job = github.run(after, event, name="pull_request")
    assert (job.steps[CHECK].code, job.steps[TELL].ran) == (1, False)
    error, warning = job.steps[CHECK].annotations
    assert error.startswith("::error file=data/broken.zip,title=divebell::")
    escaped = "data/x%0A%3A%3Aerror%3A%3Amine%0A##[add-mask]a%2Cb%250A.csv"
    assert warning.startswith(f"::warning file={escaped},title=divebell::")
    assert not list(github.runs.rglob("pwned"))
    assert "mine" in job.steps[CHECK].summary
    assert "\n::" not in job.steps[CHECK].summary


def test_a_wrong_secret_fails_in_words(github: GitHub) -> None:
    job = github.push({"data/sites.csv": SITES}, secret="somebody else's")
    assert job.steps[CHECK].code == 0
    [error] = job.steps[TELL].annotations
    assert "refuses the signature" in error
    assert "divebell secrets show webhook-secret" in error
    missing = github.push({"data/sites.csv": SITES + "9,Nine\n"}, secret="")
    assert "DIVEBELL_WEBHOOK_SECRET is not set" in missing.steps[TELL].annotations[0]


def test_an_event_that_is_away_fails_in_words_after_the_wait(github: GitHub) -> None:
    away = github.workflow.replace(github.event.address.rstrip("/"), f"http://127.0.0.1:{free_port()}")
    away = away.replace("--wait 900", "--wait 2")
    job = github.push({"data/sites.csv": SITES + "8,Eight\n"}, workflow=away)
    [error] = job.steps[TELL].annotations
    assert "did not answer within" in error
    assert "nothing is lost" in error


def test_an_event_that_comes_back_within_the_wait_is_told(github: GitHub) -> None:
    divebell("down", github.event.folder)
    _, commit = github.publish({"data/back.csv": SITES})
    words = [sys.executable, "-m", "divebell", "ci", "load", "--json", "--server", github.event.address]
    environment = {**os.environ, "DIVEBELL_WEBHOOK_SECRET": github.secret}
    with subprocess.Popen(words, cwd=github.clone, env=environment, stdout=subprocess.PIPE) as waiting:
        bring_up(github.event.folder)
        out, _ = waiting.communicate(timeout=240)
    known = json.loads(out)
    assert (waiting.returncode, known["ok"], known["commit"]) == (0, True, commit)
    assert known["loaded"]["state"] == "loaded"
    assert "data/back.csv" in {one["file"] for one in known["loaded"]["datasets"] if one["changed"]}


def test_a_commit_that_a_later_one_has_overtaken_is_told_so(github: GitHub) -> None:
    before, early = github.commit({"data/sites.csv": SITES + "7,Seven\n"})
    _, late = github.publish({"data/sites.csv": SITES + "6,Six\n"})
    job = github.run(early, {"before": before, "after": early})
    assert job.succeeded, job.steps[TELL].log
    assert f"The branch led to commit {late[:10]}" in job.steps[TELL].log
