"""`divebell ci` finds what a commit changes, and shows what is known of it where nothing can be smuggled in."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import httpx
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from divebell.cli import main
from divebell.cli.ci import commands, show
from divebell.cli.ci.commit import Change, change, changed, is_earlier, parse_diff, told, told_by_github
from divebell.cli.ci.messages import Answer, Branch, Loaded, Push, hook_headers, question_headers, signature
from divebell.cli.ci.report import Note, Report, note
from divebell.cli.ci.server import apart
from divebell.cli.ci.summary import LARGEST, summary
from divebell.cli.data.checking import Checked
from divebell.readers import dataset_files
from git_host import git

ROOT = Path(__file__).parents[3]
A, B = "a" * 40, "b" * 40
WELLS = "id,depth,lon,lat\n1,10,8.5,47.1\n"
HOSTILE = "data/x\n::error::mine ##[add-mask]%0A<img src=x>|a,b:c\udcff.csv"
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def commit(folder: Path, files: dict[str, str | None]) -> str:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink() if content is None else file.write_text(content)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=Change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "CI_", "DIVEBELL_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(folder))
    commit(folder, {"data/wells.csv": WELLS, "README.md": "# About"})
    monkeypatch.chdir(folder)
    return folder


def test_a_push_is_compared_with_what_was_there_before() -> None:
    known = told_by_github({"GITHUB_REF": "refs/heads/main"}, {"before": A})
    assert (known.since, known.branch, known.asks) == (A, "main", False)


def test_a_new_branch_has_nothing_before_it() -> None:
    assert told_by_github({"GITHUB_REF": "refs/heads/new"}, {"before": "0" * 40}).since is None


def test_a_pull_request_is_compared_with_where_it_goes() -> None:
    known = told_by_github({"GITHUB_REF": "refs/pull/1/merge"}, {"pull_request": {"base": {"sha": B}}})
    assert (known.since, known.branch, known.asks) == (B, None, True)


@pytest.mark.parametrize("event", [{}, {"before": "--output=x"}, {"before": 7}, {"pull_request": "x"}])
def test_what_is_no_commit_is_not_compared_with(event: dict[str, object]) -> None:
    assert told_by_github({}, event).since is None


def test_gitlab_says_the_same_in_its_words() -> None:
    pushed = told({"CI_COMMIT_BEFORE_SHA": A, "CI_COMMIT_BRANCH": "main"})
    assert (pushed.since, pushed.branch, pushed.asks) == (A, "main", False)
    asked = told({"CI_COMMIT_BEFORE_SHA": "0" * 40, "CI_MERGE_REQUEST_DIFF_BASE_SHA": B})
    assert (asked.since, asked.asks) == (B, True)
    assert told({}).since is None


def test_an_event_file_of_github_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text("[1")
    for path in (tmp_path / "event.json", tmp_path / "absent", tmp_path):
        assert told({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(path)}).since is None


def test_a_diff_is_read_whatever_a_file_is_called() -> None:
    words = "M\0data/a\nb.csv\0R100\0data/old.csv\0data/new.csv\0D\0data/gone.csv\0"
    assert parse_diff(words) == (
        ("M", "data/a\nb.csv", "data/a\nb.csv"),
        ("R", "data/old.csv", "data/new.csv"),
        ("D", "data/gone.csv", "data/gone.csv"),
    )
    assert parse_diff("") == ()


def test_a_shapefile_has_changed_when_one_of_its_parts_has_or_is_gone() -> None:
    datasets = dataset_files(["data/roads.shp", "data/roads.shx", "data/wells.csv"])
    for entry in (("M", "data/roads.shx", "data/roads.shx"), ("D", "data/roads.prj", "data/roads.prj")):
        assert changed(A, B, datasets, [entry]).changed == {"data/roads.shp"}
    whole = [("D", f"data/lakes.{end}", f"data/lakes.{end}") for end in ("shp", "shx", "dbf")]
    known = changed(A, B, datasets, whole)
    assert (known.changed, known.gone) == (frozenset(), ("data/lakes.shp",))


def test_another_event_file_touches_every_dataset() -> None:
    datasets = dataset_files(["data/wells.csv", "data/sites.csv"])
    known = changed(A, B, datasets, [("M", "event.yaml", "event.yaml")])
    assert known.changed == {"data/wells.csv", "data/sites.csv"}


def test_only_what_changed_below_the_folder_counts(clone: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    after = commit(clone, {"data/sites.csv": "a,b\n1,2\n", "other/more.csv": "a,b\n1,2\n"})
    known = change(clone, "data", after, before)
    assert (known.changed, known.since) == ({"data/sites.csv"}, before)
    assert [one.path for one in known.datasets] == ["data/sites.csv", "data/wells.csv"]


def test_a_first_commit_is_new_as_a_whole(clone: Path) -> None:
    known = change(clone, "data", git(clone, "rev-parse", "HEAD"), None)
    assert (known.since, known.changed) == (None, {"data/wells.csv"})


def test_after_a_force_push_the_parent_is_compared_with(clone: Path) -> None:
    before = git(clone, "rev-parse", "HEAD")
    after = commit(clone, {"data/sites.csv": "a,b\n1,2\n"})
    assert change(clone, "data", after, A).since == before


def test_a_branch_that_goes_back_changes_what_it_takes_back(clone: Path) -> None:
    early = git(clone, "rev-parse", "HEAD")
    late = commit(clone, {"data/wells.csv": WELLS + "2,20,8.6,47.2\n", "data/sites.csv": "a,b\n1,2\n"})
    known = change(clone, "data", early, late)
    assert (known.changed, known.gone) == ({"data/wells.csv"}, ("data/sites.csv",))


def test_what_the_branch_gained_meanwhile_is_none_of_a_pull_requests_changes(clone: Path) -> None:
    git(clone, "checkout", "--quiet", "-b", "mine")
    mine = commit(clone, {"data/mine.csv": "a,b\n1,2\n"})
    git(clone, "checkout", "--quiet", "main")
    base = commit(clone, {"data/theirs.csv": "a,b\n1,2\n"})
    known = change(clone, "data", mine, base, asks=True)
    assert (known.changed, known.gone) == ({"data/mine.csv"}, ())


def test_a_folder_is_a_name_and_no_pattern(clone: Path) -> None:
    after = commit(clone, {"[d]ata/a.csv": "a,b\n1,2\n", "data/b.csv": "a,b\n1,2\n"})
    assert change(clone, "[d]ata", after, None).changed == {"[d]ata/a.csv"}
    assert change(clone, ".", after, None).changed == {"[d]ata/a.csv", "data/b.csv"}


def test_a_rename_is_told_and_checked_under_its_new_name(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(clone, {"data/wells.csv": None, "data/bores.csv": WELLS})
    assert main(["ci", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert (known["renamed"], known["gone"]) == ({"data/bores.csv": "data/wells.csv"}, [])
    assert [one["file"] for one in known["checked"]] == ["data/bores.csv"]
    assert known["loaded"] is None


def test_the_hints_of_an_event_file_in_the_repository_are_used(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hints = "{data/wells.csv: {table: bores, text: [id]}}"
    commit(clone, {"event.yaml": f"name: E\ndata:\n  repository: https://x.org/y\n  datasets: {hints}\n"})
    assert main(["ci"]) == 0
    assert "bores: 1 rows" in capsys.readouterr().out


def test_an_event_file_with_problems_stops_no_check(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(clone, {"event.yaml": "nonsense: 1\n"})
    assert main(["ci", "check"]) == 0
    caught = capsys.readouterr()
    assert "its hints are not used" in caught.err
    assert "wells: 1 rows" in caught.out


def test_a_commit_without_data_says_so(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commit(clone, {"README.md": "# More"})
    assert main(["ci", "check"]) == 0
    assert "It changes no data." in capsys.readouterr().out


def test_a_link_is_named_and_not_followed(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (clone / "data" / "secret.csv").symlink_to("/etc/passwd")
    (clone / "more").symlink_to("/etc")
    commit(clone, {})
    assert main(["ci", "check"]) == 1
    assert "it is a link" in capsys.readouterr().out
    assert main(["ci", "check", "--folder", "more"]) == 0


def test_a_commit_that_is_not_checked_out_is_not_checked(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = git(clone, "rev-parse", "HEAD")
    commit(clone, {"README.md": "# More"})
    assert main(["ci", "check", "--commit", before]) == 1
    assert "git checkout" in capsys.readouterr().err
    assert main(["ci", "check", "--commit", "--output=x"[2:]]) == 1
    assert "holds no commit" in capsys.readouterr().err


def test_outside_a_repository_it_says_where_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ci"]) == 1
    assert "in a clone of the event's repository" in capsys.readouterr().err


def test_loading_needs_an_address_and_a_secret(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ci", "load"]) == 1
    assert "--server" in capsys.readouterr().err
    assert main(["ci", "load", "--server", "https://dive.example.org"]) == 1
    assert "DIVEBELL_WEBHOOK_SECRET is not set" in capsys.readouterr().err


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "1e9"])
def test_a_wait_that_is_none_is_wrong_usage(clone: Path, wait: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["ci", "--wait", wait])
    assert ended.value.code == 2


def test_signatures_are_as_github_makes_them() -> None:
    # the example of GitHub's page "Validating webhook deliveries"
    known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signature("It's a Secret to Everybody", b"Hello, World!") == known
    body = Push(A, "main", B).body()
    assert json.loads(body) == {"ref": "refs/heads/main", "before": B, "after": A}
    assert hook_headers("s", body, "d")["X-Hub-Signature-256"] == signature("s", body)
    asked = question_headers("s", "/x", 7)
    assert asked == {"X-Divebell-Time": "7", "X-Divebell-Signature": signature("s", b"GET /x 7")}


def test_a_later_commit_overtakes_only_when_the_server_has_looked_since() -> None:
    branch = Branch("main", B, NOW)
    before = NOW - timedelta(seconds=1)
    assert Answer(A, "unknown", branch=branch).elsewhere(before) == B
    assert Answer(A, "unknown", branch=branch).elsewhere(NOW) is None
    assert Answer(B, "unknown", branch=branch).elsewhere(before) is None
    assert Answer(A, "waiting", branch=branch).elsewhere(before) is None
    assert Answer(A, "unknown").elsewhere(before) is None


def test_a_commit_that_this_one_builds_on_has_overtaken_nothing(clone: Path) -> None:
    early = git(clone, "rev-parse", "HEAD")
    late = commit(clone, {"data/sites.csv": "a,b\n1,2\n"})
    assert is_earlier(clone, early, late)
    assert not is_earlier(clone, late, early)
    assert not is_earlier(clone, A, late)
    assert not is_earlier(clone, "--all", late)


def report(*datasets: Loaded, state: str = "loaded", reason: str | None = None, **more: object) -> Report:
    return Report(Change(A, B, **more), None, Answer(A, state, reason, datasets))  # type: ignore[arg-type]


def test_a_commit_is_to_blame_for_what_it_changed_alone() -> None:
    broken = Loaded("data/a.csv", error="it is no table")
    assert report(broken).ok
    assert not report(broken, changed=frozenset({"data/a.csv"})).ok
    several_at_once = report(Loaded("data/a.csv", error="no", changed=True), state="failed")
    assert several_at_once.ok
    assert not report(broken, touched=frozenset({"event.yaml"})).ok
    assert not report(state="failed", reason="there is no folder 'data'").ok
    assert not report(state="failed").ok


def test_what_the_check_said_the_event_need_not_repeat() -> None:
    answer = Answer(A, "failed", None, (Loaded("data/a.csv", error="no", changed=True),))
    both = Report(Change(A, None), (Checked("data/a.csv", error="no"),), answer)
    assert [one.text for one in both.notes()] == ["would not be loaded: no"]
    [whole] = report(state="failed", reason="too many files").notes()
    assert commands.line(whole) == "::error title=divebell::the commit is not loaded: too many files"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("wells.csv:14: 'depth' is 'n/a'", 14),
        ("a quotation mark is never closed in line 1,204; it stays", 1204),
        ("they were taken as WGS 84 (EPSG:4326)", None),
        ("12 lines were left out", None),
    ],
)
def test_a_note_stands_at_the_line_that_its_text_names(text: str, line: int | None) -> None:
    assert note("error", "data/wells.csv", text).line == line


def test_a_command_is_one_line_and_means_one_thing() -> None:
    made = commands.line(Note("error", HOSTILE, "50%: it's\r\n::warning::broken\x1b[0m", 3))
    assert made.isprintable()
    assert made.startswith(
        "::error file=data/x%0A%3A%3Aerror%3A%3Amine ##[add-mask]%250A<img src=x>|a%2Cb%3Ac?.csv,line=3,"
    )
    assert made.endswith(",title=divebell::50%25: it's ::warning::broken\N{REPLACEMENT CHARACTER}[0m")


def test_no_more_are_shown_than_github_shows_and_the_rest_is_counted() -> None:
    made = list(commands.lines(Note("error", f"data/{number}.csv", "no") for number in range(12)))
    assert len(made) == commands.MOST
    assert made[-1].endswith("and 3 more; see the job's summary")
    assert len(list(commands.lines([Note("error", "a", "no")] * 10))) == 10


def test_nothing_of_a_log_is_a_command(clone: Path) -> None:
    commit(clone, {"data/::error::mine.csv": WELLS, "event.yaml": "'::warning::x': 1\n"})
    words = [sys.executable, "-m", "divebell", "ci", "check"]
    environment = {**os.environ, "GITHUB_ACTIONS": "true"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    stop = lines[0].removeprefix("::stop-commands::")
    inside, outside = lines[1 : lines.index(f"::{stop}::")], lines[lines.index(f"::{stop}::") + 1 :]
    assert any("::warning::x" in line for line in inside)
    assert all(line.startswith("::warning file=data/") for line in outside)
    assert done.stderr == ""


def test_a_summary_shows_names_and_runs_nothing() -> None:
    checked = (Checked(HOSTILE, error="<b>no</b>\n  -> again"), Checked("data/ok.csv"))
    page = summary(Report(Change(A, B, gone=(HOSTILE,), renamed={HOSTILE: "data/|.csv"}), checked))
    assert "<img" not in page
    assert "<b>" not in page
    assert "&lt;b&gt;no&lt;/b&gt; -&gt; again" in page
    assert "\n::" not in page
    assert "\n\n" not in page  # within HTML, and therefore no Markdown


def test_a_summary_is_never_larger_than_github_takes() -> None:
    many = tuple(Checked(f"data/{number}.csv", error="no " * 50) for number in range(20_000))
    page = summary(Report(Change(A, B), many))
    assert len(page.encode()) < LARGEST
    assert "and more" in page
    gone = tuple(f"data/{'x' * 200}-{number}.csv" for number in range(9_000))
    page = summary(Report(Change(A, B, gone=gone), ()))
    assert len(page.encode()) < LARGEST
    assert "and 8,900 more" in page


def test_a_log_says_what_was_loaded_and_what_stays() -> None:
    known = report(
        Loaded("data/a.csv", "a", 1200, changed=True),
        Loaded("data/b.csv", "b", 3),
        Loaded("data/c.csv", error="no\n  -> mend it"),
    )
    text = "\n".join(show.lines(known))
    assert "data/a.csv -> a: 1,200 rows" in text
    assert "Tables that stay as they are: 1." in text
    assert "Since an earlier commit: data/c.csv is not loaded: no -> mend it" in text


WITHOUT_THE_REST = """
import importlib, pkgutil, sys
refused = set(sys.argv[1].split(","))
class Only:
    def find_spec(self, name, path=None, target=None):
        if path is None and name in refused:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Only())
import divebell.cli.ci, divebell.cli.data.checking, divebell.pipeline, divebell.readers
for package in (divebell.pipeline, divebell.readers):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
import rasterio, python_calamine
"""


def test_the_extra_check_is_all_that_a_ci_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    waiting = [*project["dependencies"], *project["optional-dependencies"]["check"]]
    known: set[str] = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        if canonicalize_name(wanted.name) not in known:
            known.add(canonicalize_name(wanted.name))
            markers = [{"extra": extra} for extra in ("", *wanted.extras)]
            for line in requires(wanted.name) or ():
                marker = Requirement(line).marker
                if marker is None or any(map(marker.evaluate, markers)):
                    waiting.append(line)
    others = [
        module
        for module, owners in packages_distributions().items()
        if known.isdisjoint(map(canonicalize_name, owners)) and module != "divebell"
    ]
    words = [sys.executable, "-c", WITHOUT_THE_REST, ",".join(others)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_clocks_that_are_days_apart_are_said_to_be():
    there = datetime.now(UTC) - timedelta(days=2, seconds=5)
    said = apart(httpx.Response(401, headers={"date": format_datetime(there, usegmt=True)}))
    assert re.fullmatch(r"the clocks here and there are 172,80[4-9] seconds apart", said)
    assert (
        apart(httpx.Response(401, headers={"date": format_datetime(datetime.now(UTC), usegmt=True)})) is None
    )
