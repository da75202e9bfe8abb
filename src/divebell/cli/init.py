"""`divebell init`: write an event file to start from, with one small dataset."""

from __future__ import annotations

import argparse
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event.load import EVENT_FILE
from divebell.event.state import STATE_FOLDER

DATA = "data"
GITIGNORE = f"# what a running event keeps: passwords, the database, homes\n{STATE_FOLDER}/\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `divebell init` understands."""
    parser.add_argument(
        "folder",
        nargs="?",
        default=".",
        type=Path,
        metavar="DIR",
        help="the folder of the event, made if it is not there (default: this folder)",
    )


def run(args: argparse.Namespace) -> int:
    """Write the starter files that are not there yet; an event file that is there is an error."""
    folder: Path = args.folder
    try:
        written = write_starter(folder)
    except OSError as error:
        raise DivebellError(
            f"{error.filename or folder}: cannot be written: {error.strerror or error}",
            next_step="choose a folder of your own: divebell init FOLDER",
        ) from error
    for path in written:
        print(f"wrote {path}")
    if Path(folder, ".gitignore") not in written:
        print(f"kept your .gitignore; see that it has a line {STATE_FOLDER}/ (passwords are in there)")
    print(f"next: edit {folder / EVENT_FILE}, then: divebell up{_shown(folder)}")
    return 0


def write_starter(folder: Path) -> list[Path]:
    """Write the starter files into `folder` and list them. Nothing that exists is touched.

    Raises DivebellError when there is an event file already.
    """
    _refuse_an_event(folder)
    folder.mkdir(parents=True, exist_ok=True)
    starter = files("divebell.cli").joinpath("starter")
    contents = {folder / EVENT_FILE: starter.joinpath(EVENT_FILE).read_text("utf-8")}
    if not _exists(folder / ".gitignore"):
        contents[folder / ".gitignore"] = GITIGNORE
    if not _exists(folder / DATA):
        (folder / DATA).mkdir()
        contents |= {folder / DATA / item.name: item.read_text("utf-8") for item in _datasets(starter)}
    for path, text in contents.items():
        with path.open("x", encoding="utf-8") as out:
            out.write(text)
    return list(contents)


def _refuse_an_event(folder: Path) -> None:
    for name in (EVENT_FILE, "event.yml"):
        if _exists(folder / name):
            raise DivebellError(
                f"{folder / name} is there already and stays as it is",
                next_step=f"divebell check{_shown(folder)}, or choose another folder: divebell init FOLDER",
            )
    if _exists(folder) and not folder.is_dir():
        raise DivebellError(
            f"{folder} is not a folder", next_step="choose another name: divebell init FOLDER"
        )


def _exists(path: Path) -> bool:
    """Tell whether something has this name, a broken link included."""
    return path.exists() or path.is_symlink()


def _datasets(starter: Traversable) -> list[Traversable]:
    return sorted(starter.joinpath(DATA).iterdir(), key=lambda item: item.name)


def _shown(folder: Path) -> str:
    return "" if folder == Path() else f" {shlex.quote(str(folder))}"
