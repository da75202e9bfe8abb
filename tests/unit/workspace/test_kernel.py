"""The extension every kernel loads, in a real IPython without a kernel around it."""

import subprocess
import sys

START = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.parent = None
shell.extension_manager.load_extension("divebell.workspace.kernel")
"""


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    return done.stdout, done.stderr


def test_a_kernel_starts_with_nothing_heavy(tmp_path):
    heavy = ("psycopg", "sqlalchemy", "pandas", "sql", "geopandas", "jupyter_server")
    said, _ = run(
        f"shell.run_cell('1 + 1')\nprint([name for name in {heavy} if name in sys.modules])",
        HOME=str(tmp_path),
    )
    assert said.splitlines()[-1] == "[]"


def test_news_come_once_above_the_first_cell(tmp_path):
    (tmp_path / "my-event is not complete.txt").write_text("300 MB of 1 GB are copied.")
    _, told = run("shell.run_cell('1')\nshell.run_cell('2')", HOME=str(tmp_path))
    assert told.count("~/my-event: 300 MB of 1 GB are copied.") == 1


def test_a_failed_query_is_explained_below_its_error(tmp_path):
    said, told = run(
        "shell.run_cell('import psycopg; raise psycopg.errors.TooManyConnections(\"no\")')",
        HOME=str(tmp_path),
    )
    assert "TooManyConnections" in said
    assert "All connections you may have at once are taken" in told


def test_any_other_failure_is_left_alone(tmp_path):
    _, told = run("shell.run_cell('import psycopg')\nshell.run_cell('1 / 0')", HOME=str(tmp_path))
    assert told == ""
