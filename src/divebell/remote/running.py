"""Run git for a client: what it writes flows through, and never do too many run at once."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

LONGEST_SECONDS = 600
_PIECE = 1 << 16
_GZIP = 16 + zlib.MAX_WBITS


class Slots:
    """Lets so many in at once, and less of one person; others wait for a moment."""

    def __init__(self, most: int, each: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(most)
        self._each = each
        self._seconds = seconds
        self._of: dict[str, asyncio.Semaphore] = {}

    async def take(self, name: str) -> None:
        """Wait for a slot. Raises 429 when none gets free."""
        own = self._of.setdefault(name, asyncio.Semaphore(self._each))
        try:
            async with asyncio.timeout(self._seconds):
                await own.acquire()
                try:
                    await self._free.acquire()
                except BaseException:
                    own.release()
                    raise
        except TimeoutError:
            raise HTTPException(
                429, "Many are fetching or pushing at this moment. Try again.", {"Retry-After": "5"}
            ) from None

    def give_back(self, name: str) -> None:
        """Let the next one in."""
        self._free.release()
        self._of[name].release()


class Streamed(StreamingResponse):
    """An answer that holds a slot, however it ends."""

    def __init__(
        self, give_back: Callable[[], None], content: AsyncGenerator[bytes], media_type: str
    ) -> None:
        super().__init__(content, media_type=media_type, headers={"Cache-Control": "no-store"})
        self._give_back = give_back
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._give_back()
            await self._content.aclose()


async def read(request: Request, most: int) -> tuple[bytes, bool]:
    """Read a body, unpacked if need be; give at most the first `most` bytes, and whether that is all.

    A client that is still sending does not read what is answered. Raises 413 far beyond `most`, and 408 where
    it takes too long.
    """
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return await _read(request, most)
    except TimeoutError:
        raise HTTPException(408, "This did not arrive in time.") from None


async def _read(request: Request, most: int) -> tuple[bytes, bool]:
    unpack = zlib.decompressobj(_GZIP) if request.headers.get("content-encoding") == "gzip" else None
    came, body = 0, bytearray()
    async for chunk in request.stream():
        came += len(chunk)
        if came > 8 * most:
            raise HTTPException(413, "This is far too large for a push.")
        if len(body) <= most:
            try:
                body += unpack.decompress(chunk, most + 1 - len(body)) if unpack else chunk
            except zlib.error:
                raise HTTPException(400, "This is not compressed as it says.") from None
    return bytes(body[:most]), len(body) <= most


async def said(arguments: list[str], env: Mapping[str, str]) -> bytes:
    """Run a short call and give its output. Raises 503 where git cannot answer."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        env=dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    except TimeoutError:
        output = b""
    finally:
        await _end(process)
    if process.returncode:
        raise HTTPException(503, "The event's repository is not ready. Try again in a moment.")
    return output


async def stream(arguments: list[str], env: Mapping[str, str], body: bytes) -> AsyncGenerator[bytes]:
    """Run a call that reads `body`, and give its output as it comes; it ends with whoever reads it."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        env=dict(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    feeding = asyncio.create_task(_feed(process, body))
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            while process.stdout and (piece := await process.stdout.read(_PIECE)):
                yield piece
            await process.wait()
    finally:
        feeding.cancel()
        await _end(process)


async def _feed(process: asyncio.subprocess.Process, body: bytes) -> None:
    if process.stdin is None:  # it is a pipe
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(body)
        await process.stdin.drain()
        process.stdin.close()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.wait()
