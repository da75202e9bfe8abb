"""Who may see what: decided here once, before any page runs."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from divebell.web.signin import CALLBACK, ROOT, HubAway, Person, SignIn

OPEN = ("health", "away", "static/", CALLBACK.removeprefix(ROOT))
"""Below the root, for everybody."""
DATA = ("data/", "maps/", "tiles/", "preview/", "api/datasets")
"""Below the root, for everybody where the event says `maps: {public: true}`; the front door is besides."""
MACHINE = ("tiles/", "preview/", "api/")
"""Asked for by scripts: a redirect to a sign-in page would only confuse them."""

LARGEST_FORM = 10_000


class Access:
    """Let a request through with `request.state.person` set, or answer it."""

    def __init__(self, app: ASGIApp, *, sign_in: SignIn, public: bool) -> None:
        self._app = app
        self._sign_in = sign_in
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = await self._stopped(request)
        await (answer or self._app)(scope, receive, send)

    async def _stopped(self, request: Request) -> Response | None:
        """Set who it is; give the answer for one who may not pass."""
        path = request.url.path.removeprefix(ROOT)
        request.state.person = None
        if path.startswith(OPEN):
            return None
        reading = request.method in {"GET", "HEAD"}
        open_to_all = self._public and reading and (path == "" or path.startswith(DATA))
        request.state.person = await self._person(request, forgiving=open_to_all)
        if request.state.person is not None:
            if not reading:
                check_origin(request)
            return None
        if open_to_all:
            return None
        if reading and not path.startswith(MACHINE):
            return await self._sign_in.begin(request)
        return JSONResponse(
            {"error": "Sign in first.", "next_step": f"Open {ROOT} in this browser and sign in."},
            status_code=401,
        )

    async def _person(self, request: Request, *, forgiving: bool) -> Person | None:
        try:
            return await self._sign_in.person(request)
        except HubAway:
            if forgiving:
                return None
            raise


def check_origin(request: Request) -> None:
    """Refuse a request that changes something and comes from another site's page."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not same or site not in {"same-origin", "none"}:
        raise HTTPException(
            403, "This came from another site's page. Open the event's own page and try again."
        )


async def read_form(request: Request) -> dict[str, str]:
    """Read a form; refuse one that this session's pages did not make."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise HTTPException(413, "This form is too large.")
    form = dict(parse_qsl(body.decode(errors="replace")))
    expected, given = str(request.session.get("form", "")), str(form.get("token", ""))
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise HTTPException(403, "This form is out of date. Go back, load the page again and repeat.")
    return form
