from __future__ import annotations

import os
from pathlib import Path

import pytest

from divebell.database.account import bubblewrap, closed_view, run_as, server_account, setpriv

STRANGER = 54321
"""An account that owns nothing and is in no group of ours."""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Give a folder everyone may enter; those pytest makes above it are closed."""
    folder = tmp_path / "top"
    folder.mkdir()
    return folder


def view(paths: list[Path], top: Path, writable: tuple[Path, ...] = ()) -> list[str]:
    """Give the view as seen below `top`, which is made reachable as a whole first."""
    words = closed_view(STRANGER, STRANGER, [top, *paths], writable)
    return words[words.index(str(top), words.index("--ro-bind")) + 2 :] if "--ro-bind" in words else words


def test_where_all_ways_are_open_no_view_is_needed() -> None:
    assert closed_view(STRANGER, STRANGER, [Path("/usr/bin"), Path("/etc/passwd")]) == []
    assert bubblewrap([]) == []


def test_a_closed_folder_is_covered_and_shows_the_paths_alone(top: Path) -> None:
    wanted = top / "closed" / "middle" / "wanted"
    wanted.mkdir(parents=True)
    (top / "closed").chmod(0o700)
    assert view([wanted], top) == [
        *("--tmpfs", str(top / "closed")),
        *("--dir", str(wanted.parent)),
        *("--ro-bind", str(wanted), str(wanted)),
    ]


def test_a_writable_path_below_a_shown_one_is_bound_again(top: Path) -> None:
    home = top / "state" / "homes" / "ana"
    home.mkdir(parents=True)
    (top / "state").chmod(0o700)
    assert view([], top, (home,))[-3:] == ["--bind", str(home), str(home)]


def test_paths_side_by_side_share_the_cover(top: Path) -> None:
    one, two = top / "closed" / "one", top / "closed" / "two"
    one.mkdir(parents=True)
    two.mkdir()
    (top / "closed").chmod(0o700)
    words = view([two, one, one / ".." / "one"], top)
    assert words.count("--tmpfs") == 1
    assert words[2:] == ["--ro-bind", str(one), str(one), "--ro-bind", str(two), str(two)]


def test_links_on_the_way_are_made_again_in_the_view(top: Path) -> None:
    real = top / "closed" / "python-3.11.2"
    real.mkdir(parents=True)
    (top / "closed" / "python").symlink_to("python-3.11.2")
    (top / "closed").chmod(0o700)
    assert view([top / "closed" / "python"], top) == [
        *("--tmpfs", str(top / "closed")),
        *("--symlink", "python-3.11.2", str(top / "closed" / "python")),
        *("--ro-bind", str(real), str(real)),
    ]


def test_a_path_that_is_missing_is_an_error_of_the_caller(top: Path) -> None:
    with pytest.raises(FileNotFoundError):
        closed_view(STRANGER, STRANGER, [top / "missing"])


def test_every_capability_and_the_way_back_are_given_up() -> None:
    prefix = setpriv(7, 8)
    assert prefix[:5] == ["setpriv", "--reuid", "7", "--regid", "8"]
    assert {"--clear-groups", "--no-new-privs"} <= set(prefix)
    assert prefix[prefix.index("--bounding-set") + 1] == "-all"


def test_a_view_neither_dies_with_its_parent_nor_hides_processes() -> None:
    prefix = bubblewrap(["--tmpfs", "/closed"])
    assert prefix[:6] == ["bwrap", "--dev-bind", "/", "/", "--tmpfs", "/closed"]
    assert not {"--die-with-parent", "--unshare-pid"} & set(prefix)


def test_an_ordinary_user_runs_everything_as_it_is() -> None:
    expected = [] if os.geteuid() else setpriv(STRANGER, STRANGER)
    assert run_as(STRANGER, STRANGER, ["id"], reachable=[Path("/usr")]) == [*expected, "id"]


def test_the_server_never_runs_as_root() -> None:
    assert server_account().uid != 0
