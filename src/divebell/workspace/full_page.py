"""The page that opens in place of the welcome while a home is full."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

from divebell.workspace.room import Level, Piece, Room, biggest, how_full, remark
from divebell.workspace.words import helpers, human_size

PAGE = "HOME IS FULL.html"
_ADDRESS = f"/lab/tree/{quote(PAGE)}"
_TEMPLATE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Your home is full</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }}
  td {{ padding: .2rem 1.2rem .2rem 0; vertical-align: top }}
  td:first-child {{ text-align: right; white-space: nowrap }}
  code {{ background: #eee; color: #222; padding: .1rem .3rem }}
</style>
<h1>Your home is full</h1>
<p>{how_full} Notebooks open and run, but nothing can be saved until you delete something: in the list of
files on the left (right click, <em>Delete</em>) or in a terminal (<em>File</em>, <em>New</em>,
<em>Terminal</em>).</p>
<p>What takes most, and a command for the terminal:</p>
<table>
{rows}
</table>
<p>Deleted is deleted: there is no bin. Ask {helpers} before you delete what you are not sure of.</p>
<p>This page goes away once there is room and your server has been started again
(<em>File</em>, <em>Hub Control Panel</em>).</p>
</html>
"""


def show(home: Path, private: Path, now: Room, environment: Mapping[str, str]) -> dict[str, str]:
    """Put the page into a full home, take it out of any other; give the variable that makes it open first.

    The page lies in the private folder: its link in the home needs no room on a full disk.
    """
    link = home / PAGE
    try:
        if link.is_symlink():
            link.unlink()
        if now.level is not Level.FULL or link.exists():
            return {}
        page = private / PAGE
        page.write_text(render(now, biggest(home), helpers(environment)), encoding="utf-8")
        link.symlink_to(page)
    except OSError as error:
        print(f"no page that says the home is full: {error}", file=sys.stderr)
        return {}
    return {"JUPYTERHUB_DEFAULT_URL": _ADDRESS}


def render(room: Room, pieces: Iterable[Piece], helpers: str) -> str:
    """Give the page."""
    rows = "\n".join(
        f"<tr><td>{human_size(piece.size)}<td><code>{escape(piece.command)}</code>{remark(piece, ' ')}"
        for piece in pieces
    )
    return _TEMPLATE.format(how_full=how_full(room), rows=rows, helpers=helpers)
