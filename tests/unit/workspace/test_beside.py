"""Work beside a server: each case in a process of its own, which forks."""

import subprocess
import sys
import time


def run(code):
    program = f"import os, time\nfrom divebell.workspace.beside import beside, done_within\n{code}"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def test_short_work_is_done_when_the_server_starts():
    said = run("work = beside(lambda: print('copied', flush=True))\nprint(done_within(work, 5))")
    assert said == ["copied", "True"]


def test_long_work_does_not_hold_up_the_server(tmp_path):
    file = tmp_path / "end"
    said = run(
        f"work = beside(lambda: (time.sleep(2), open({str(file)!r}, 'w').close()))\n"
        "print(done_within(work, 0.1), flush=True)\nos._exit(0)"
    )
    assert said == ["False"]
    deadline = time.monotonic() + 10
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert file.exists()


def test_work_that_fails_keeps_nobody_out_and_is_nobodys_child():
    said = run(
        "print(done_within(beside(lambda: 1 / 0), 5))\n"
        "try:\n    os.waitpid(-1, 0)\nexcept ChildProcessError:\n    print('alone')"
    )
    assert said == ["True", "alone"]
