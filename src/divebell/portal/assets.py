"""The portal's own files: read once, compressed once, addressed by the content of all of them."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".geojson": "application/geo+json",
    ".svg": "image/svg+xml",
}
FOREVER = "public, max-age=31536000, immutable"
WORTH_COMPRESSING = 1000


@dataclass(frozen=True)
class Asset:
    """One file."""

    body: bytes
    packed: bytes | None
    type: str
    digest: str


class Assets:
    """Every file below `static/`."""

    def __init__(self) -> None:
        self._assets = {name: _read(item) for name, item in _walk(files("divebell.portal") / "static", "")}
        digests = "".join(asset.digest for _, asset in sorted(self._assets.items()))
        self._release = f"~{hashlib.sha256(digests.encode()).hexdigest()[:16]}"

    def address(self, name: str) -> str:
        """Give a file's address below the root; it changes whenever any file does."""
        if name not in self._assets:
            raise KeyError(name)
        return f"static/{self._release}/{name}"

    async def answer(self, request: Request) -> Response:
        """Serve one file."""
        path = request.path_params["path"]
        release, _, rest = path.partition("/")
        asset = self._assets.get(rest if release.startswith("~") else path)
        if asset is None:
            raise HTTPException(404)
        named = release == self._release
        headers = {
            "ETag": f'"{asset.digest}"',
            "Cache-Control": FOREVER if named else "no-cache",
            "Vary": "Accept-Encoding",
        }
        if asset.digest in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(
                asset.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.type
            )
        return Response(asset.body, headers=headers, media_type=asset.type)


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for item in folder.iterdir():
        name = f"{prefix}{item.name}"
        found += _walk(item, f"{name}/") if item.is_dir() else [(name, item)]
    return found


def _read(item: Traversable) -> Asset:
    body = item.read_bytes()
    suffix = f".{item.name.rpartition('.')[2]}"
    kind = TYPES.get(suffix) or mimetypes.guess_type(item.name)[0] or "application/octet-stream"
    packed = gzip.compress(body, mtime=0) if len(body) > WORTH_COMPRESSING else None
    return Asset(body, packed, kind, hashlib.sha256(body).hexdigest()[:16])
