"""Where the gallery's *Open a copy in my notebook* leads, in the notebook server of whoever follows it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated

from divebell.errors import DivebellError
from divebell.workspace.taking import take_copy

PATTERN = r"gallery/(\d{1,18})"


class GalleryHandler(JupyterHandler):
    """Copies a work into the home and opens it."""

    auth_resource = "contents"

    @authenticated
    @authorized
    async def get(self, work: str) -> None:
        """Copy, and go where JupyterLab shows it. It never changes a file that is there."""
        home = Path(os.environ["HOME"])
        try:
            file = await asyncio.to_thread(take_copy, home, int(work))
        except DivebellError as error:
            raise HTTPError(409, reason=_one_line(f"{error.message}. {error.next_step or ''}")) from error
        except OSError as error:
            raise HTTPError(507, reason=_one_line(f"It could not be copied: {error.strerror}")) from error
        self.redirect(url_path_join(self.base_url, "lab/tree", quote(file.relative_to(home).as_posix())))


def _one_line(text: str) -> str:
    return " ".join(text.encode("ascii", "replace").decode().split())
