"""Work beside a server: each case in a process of its own, which forks."""

import subprocess
import sys

from live import until


def program(code):
    return [
        sys.executable,
        "-c",
        f"import os, time\nfrom divebell.workspace.beside import beside, done_within\n{code}",
    ]


def run(code):
    return subprocess.run(program(code), stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def test_short_work_is_done_when_the_server_starts():
    said = run("work = beside(lambda: print('copied', flush=True))\nprint(done_within(work, 60))")
    assert said == ["copied", "True"]


def test_long_work_does_not_hold_up_the_server(tmp_path):
    go, end = tmp_path / "go", tmp_path / "end"
    code = (
        f"def work():\n    while not os.path.exists({str(go)!r}):\n        time.sleep(0.05)\n"
        f"    open({str(end)!r}, 'w').close()\n"
        "print(done_within(beside(work), 0.1), flush=True)\nos._exit(0)"
    )
    with subprocess.Popen(program(code), stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "False\n"
        assert server.wait() == 0
        assert not end.exists()
        go.touch()
    until(end.exists, "the work did not go on")


def test_work_that_fails_keeps_nobody_out_and_is_nobodys_child():
    said = run(
        "print(done_within(beside(lambda: 1 / 0), 60))\n"
        "try:\n    os.waitpid(-1, 0)\nexcept ChildProcessError:\n    print('alone')"
    )
    assert said == ["True", "alone"]
