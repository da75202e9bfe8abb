"""The command line as a whole: exit codes, help, and what a slip of the finger leads to."""

from __future__ import annotations

import subprocess
import sys

import pytest

from divebell import __version__
from divebell.cli import VERBS, build_parser, main
from divebell.event import EventFileError


def test_a_misspelt_command_is_guessed(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["chek"])
    assert "did you mean 'check'?" in capsys.readouterr().err


def test_no_command_is_wrong_usage(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "COMMAND" in capsys.readouterr().err


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"divebell {__version__}\n"


def test_help_lists_every_command_with_a_verb_first(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    for verb, summary in VERBS.items():
        assert f"{verb} {summary}" in out


@pytest.mark.parametrize("arguments", [["--verbose", "check"], ["check", "--verbose"]])
def test_verbose_keeps_the_traceback(tmp_path, arguments):
    with pytest.raises(EventFileError):
        main([*arguments, str(tmp_path)])


def test_no_module_of_a_command_is_imported_for_the_help():
    program = "import sys; from divebell.cli import build_parser; build_parser(); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {name for name in result.stdout.split() if name.startswith("divebell.cli.")}
    assert build_parser().prog == "divebell"


def test_a_closed_pipe_ends_quietly():
    command = f"{sys.executable} -m divebell check --schema | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""
