"""The loader's side of reading: keep a warm process, ask it to read files, and receive what it tells."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.pipeline.reading import frames, limits
from divebell.pipeline.reading.warm import REQUEST_BYTES
from divebell.pipeline.reading.warming import warm, widened

_LFS = b"version https://git-lfs.github.com/spec/v1\n"
_PIPE_BYTES = 1 << 20


class FileRefusedError(DivebellError):
    """A file could not be read. `passing` says that it may be readable the next time."""

    def __init__(self, message: str, *, next_step: str | None = None, passing: bool = False) -> None:
        super().__init__(message, next_step=next_step)
        self.passing = passing


class Readings:
    """Reads files below the folders it was made for, one process each. Close it, or use it in a `with`."""

    def __init__(self, reachable: Sequence[Path], scratch: Path, served: str | None = None) -> None:
        """Prepare to read below `reachable` (existing folders); `scratch` is emptied and written to.

        With `served`, a service of the server at that address does the reading.
        """
        self.scratch = scratch
        self._numbers = itertools.count(1)
        self._warm = warm(reachable, scratch, served)
        self._control: socket.socket | None = None
        self._codes: dict[int, int] = {}
        self._open = 0

    def __enter__(self) -> Self:
        """Be used in a `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End with the `with`."""
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that leads to the warm one, or is it; None while there is none of ours."""
        return self._warm.pid

    def close(self) -> None:
        """End the warm process and with it all it forked."""
        if self._control is not None:
            self._control.close()
        self._warm.end()
        self._control = None

    def start(self) -> None:
        """Have the warm process get ready, if it is not; `read` does so too, and then waits for it."""
        if self._warm.alive:
            return
        self.close()
        self._control = widened(self._warm.begin())

    @contextmanager
    def read(
        self, path: Path, hint: DatasetHint, *, raster: bool = False
    ) -> Iterator[Iterator[frames.Message | frames.Rows]]:
        """Have one file read and give what is told of it, up to `Done`.

        `raster` makes it ready to be drawn instead: a `Raster`, then its file in pieces. It raises
        FileRefusedError with the reason in words, whatever becomes of the reading process.
        """
        _refuse_pointer(path)
        self.start()
        number = next(self._numbers)
        self._codes.clear()
        self._drain()
        with self._opened(number, path, hint, raster=raster) as source:
            try:
                yield self._told(source, number, path)
            finally:
                source.close()
                if self._open == number:  # else it has told all it had to, and ends by itself
                    self._tell({"cancel": number})
                    self._wait_for(number)

    def _opened(self, number: int, path: Path, hint: DatasetHint, *, raster: bool) -> BinaryIO:
        reads, writes = os.pipe()
        try:
            with suppress(OSError):  # a smaller pipe does as well
                fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            self._open = number
            request = {"id": number, "path": str(path), "hint": hint.model_dump_json(), "raster": raster}
            self._tell(request, writes)
            return os.fdopen(reads, "rb")
        finally:
            os.close(writes)

    def _told(self, source: BinaryIO, number: int, path: Path) -> Iterator[frames.Message | frames.Rows]:
        try:
            for frame in frames.receive(source):
                if isinstance(frame, frames.Failed):
                    raise FileRefusedError(frame.error, next_step=frame.next_step, passing=frame.passing)
                if isinstance(frame, frames.Done):
                    self._open = 0
                    return
                yield frame
        except EOFError:
            pass
        except ValueError:
            raise FileRefusedError("what the reading process told of it makes no sense") from None
        code = self._wait_for(number)
        raise FileRefusedError(_in_words(code, path), passing=code in {None, -signal.SIGKILL})

    def _tell(self, request: dict[str, object], *descriptors: int) -> None:
        if self._control is not None:
            with suppress(OSError):  # a warm process that is gone is noticed by what does not come
                socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)

    def _drain(self) -> None:
        """Take what the warm process has said of readings that ended well, so that it can say more."""
        with suppress(OSError):
            while self._control and self._control.recv(REQUEST_BYTES, socket.MSG_DONTWAIT):
                pass

    def _wait_for(self, number: int) -> int | None:
        """Give the exit code of a reading that is about to end; None when the warm process is gone."""
        while number not in self._codes:
            try:
                message = self._control.recv(REQUEST_BYTES) if self._control else b""
            except OSError:
                message = b""
            if not message:
                self.close()
                return None
            answer = json.loads(message)
            self._codes[answer["id"]] = answer["code"]
        return self._codes[number]


def _refuse_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_LFS)) == _LFS:
            raise FileRefusedError(
                "its contents are kept with Git LFS and are not in the repository itself",
                next_step="commit the file without Git LFS (git lfs migrate export)",
            )


def _in_words(code: int | None, path: Path) -> str:
    if code is None:
        return "the process that reads files was ended"
    if code == -signal.SIGKILL:
        return "the process that read it was ended from outside; the machine may be out of memory"
    if code == -signal.SIGXCPU:
        return (
            f"reading it took more than {limits.cpu_seconds(path.stat().st_size)} seconds, so it was stopped"
        )
    if code == -signal.SIGXFSZ:
        return "it unpacks to more than this machine should hold"
    if code < 0:
        return (
            f"reading it crashed ({signal.Signals(-code).name}); the file is damaged or needs too much memory"
        )
    return "reading it failed without a reason; the loader's log has more"
