import subprocess
import sys

import pytest

from divebell.workspace.memory import (
    ControlGroup,
    own_group,
    parse_deaths,
    parse_limit,
    words_for_child,
    words_for_kernel,
)

VERSION_1 = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"
VERSION_2 = "low 0\nhigh 0\nmax 482\noom 5\noom_kill 2\noom_group_kill 0\n"


@pytest.mark.parametrize(("text", "deaths"), [(VERSION_1, 3), (VERSION_2, 2), ("", 0), ("oom_kill\n", 0)])
def test_deaths_are_read_from_both_versions(text, deaths):
    assert parse_deaths(text) == deaths


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2147483648\n", 2 << 30),
        ("9223372036854771712\n", None),  # version 1 without a limit
        ("max\n", None),
        ("", None),
    ],
)
def test_the_limit_is_read_from_both_versions(text, limit):
    assert parse_limit(text) == limit


def write(folder, **files):
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_version_1_is_found_at_the_top_as_containers_see_it(tmp_path):
    write(tmp_path / "memory", memory__oom_control=VERSION_1, memory__limit_in_bytes="1048576\n")
    membership = "9:name=systemd:/docker/80\n4:memory:/docker/80\n1:cpu,cpuacct:/docker/80\n0::/docker/80\n"
    group = own_group(tmp_path, membership)
    assert (group.deaths, group.limit) == (3, 1 << 20)


def test_version_1_is_found_where_the_group_is(tmp_path):
    write(tmp_path / "memory", memory__oom_control="oom_kill 9\n")
    write(tmp_path / "memory" / "unit.slice", memory__oom_control=VERSION_1)
    assert own_group(tmp_path, "4:memory:/unit.slice\n0::/\n").deaths == 3


def test_version_2_is_found_with_and_without_a_namespace(tmp_path):
    write(tmp_path / "user.slice", memory__events=VERSION_2, memory__max="max\n")
    group = own_group(tmp_path, "0::/user.slice\n")
    assert (group.deaths, group.limit) == (2, None)
    (tmp_path / "memory.events").write_text("oom_kill 7\n")
    assert own_group(tmp_path, "0::/\n").deaths == 7


def test_where_nothing_is_shown_nothing_is_found(tmp_path):
    assert own_group(tmp_path, "0::/\n") is None
    assert ControlGroup(tmp_path / "a", tmp_path / "b").deaths == 0


def test_this_machine_shows_a_group():
    group = own_group()
    assert group is not None
    assert group.deaths >= 0


def test_the_words_name_the_limit_what_is_left_and_whom_to_ask():
    words = words_for_kernel(2 << 30, "maria or dan")
    assert "more than its 2 GB of memory" in words
    assert "your files and notebooks are not" in words
    assert words.endswith("ask maria or dan.")
    assert "This machine ran out of memory" in words_for_kernel(None, "an ambassador")
    assert "600 MB" in words_for_child(600 << 20, "maria")


def test_a_kernel_makes_itself_easier_to_end_than_the_server():
    code = (
        "import sys; from divebell.workspace.memory import be_ended_first;"
        "own = open('/proc/self/oom_score_adj', 'r+'); own.write(sys.argv[1]); own.flush(); be_ended_first();"
        "print(open('/proc/self/oom_score_adj').read())"
    )
    for server, kernel in ((0, 300), (500, 800), (900, 1000)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(server)], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == kernel
