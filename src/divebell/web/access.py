"""Who may see what: decided here once, before any page runs."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from divebell.following import SIGNATURE, SIGNED
from divebell.web.bearer import ASK, Bearer, of_a_notebook
from divebell.web.hub_tokens import HubAway
from divebell.web.signin import CALLBACK, ROOT, Person, SignIn

OPEN = ("health", "away", "hook", "static/", "git/", CALLBACK.removeprefix(ROOT))
"""Below the root, for everybody. The hook asks for a signature, git for a token; no cookie counts there."""
DATA = ("data/", "maps/", "tiles/", "rasters/", "preview/", "ogc", "api/datasets", "api/layers", "api/seen")
"""Below the root, for everybody where the event says `maps: {public: true}`; the front door is besides."""
MACHINE = ("tiles/", "rasters/", "preview/", "api/")
"""Asked for by scripts: a redirect to a sign-in page would only confuse them."""
PROGRAMS = ("ogc",)
"""Asked for by GIS programs and scripts, and opened by people in a browser."""
TOKENS = (*PROGRAMS, "tiles/", "rasters/", "preview/", "api/datasets", "api/layers", "api/shared")
"""What a personal token is good for, to read."""
NOTEBOOKS = "api/shared"
"""What the token of a notebook server is good for, in its owner's name. No browser sends one by itself."""
FORM_HEADER = "X-Form-Token"
"""Where our scripts say that they come from one of our pages, as forms do."""

LARGEST_FORM = 10_000
LONGEST_PATH = 2000
"""Characters. A number of more than 4,300 digits breaks what finds the page of an address."""


class Access:
    """Let a request through with `request.state.person` set, or answer it."""

    def __init__(
        self, app: ASGIApp, *, sign_in: SignIn, bearer: Bearer, notebooks: Bearer, public: bool
    ) -> None:
        self._app = app
        self._sign_in = sign_in
        self._bearer = bearer
        self._notebooks = notebooks
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = _too_long(request) or await self._stopped(request)
        await (answer or self._app)(scope, receive, send)

    async def _stopped(self, request: Request) -> Response | None:
        """Set who it is; give the answer for one who may not pass."""
        # not request.url: some versions of Starlette read a path out of what a client sends as Host
        path = str(request.scope["path"]).removeprefix(ROOT)
        request.state.person = None
        request.state.by_token = False
        if path.startswith(OPEN) or (path.startswith(SIGNED) and SIGNATURE in request.headers):
            return None
        reading = request.method in {"GET", "HEAD"}
        request.state.person = await self._by_token(request, path, reading=reading)
        if request.state.person is not None:
            request.state.by_token = True
            return None
        open_to_all = self._public and reading and (path == "" or path.startswith(DATA))
        request.state.person = await self._person(request, forgiving=open_to_all)
        if request.state.person is not None:
            if not reading:
                check_origin(request)
            return None
        if open_to_all:
            return None
        if reading and _by_a_person(request, path):
            return await self._sign_in.begin(request)
        return JSONResponse(
            {"error": "Sign in first.", "next_step": _next_step(path)},
            status_code=401,
            headers=ASK if path.startswith(PROGRAMS) else None,
        )

    async def _by_token(self, request: Request, path: str, *, reading: bool) -> Person | None:
        if path.startswith(NOTEBOOKS) and (name := await self._notebooks.name(request)):
            return await self._sign_in.known_as(name)
        if reading and path.startswith(TOKENS) and (name := await self._bearer.name(request)):
            return Person(name, ambassador=False)
        return None

    async def _person(self, request: Request, *, forgiving: bool) -> Person | None:
        try:
            return await self._sign_in.person(request)
        except HubAway:
            if forgiving:
                return None
            raise


def _too_long(request: Request) -> Response | None:
    if len(request.scope["path"]) <= LONGEST_PATH:
        return None
    return JSONResponse({"error": "This address is too long."}, status_code=414)


def _by_a_person(request: Request, path: str) -> bool:
    """Say whether a browser shows the answer, so that a sign-in page helps."""
    if path.startswith(PROGRAMS):
        return "text/html" in request.headers.get("accept", "")
    return not path.startswith(MACHINE)


def _next_step(path: str) -> str:
    if path.startswith(PROGRAMS):
        return f"Make a token at {ROOT}tokens and send it as Authorization: Bearer, or as the password."
    return f"Open {ROOT} in this browser and sign in."


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
    _check_form_token(request, form.get("token", ""))
    return form


def confirm(request: Request) -> dict[str, str]:
    """Refuse what was sent with a session, and not by one of its pages.

    Give the secrets that came with the request, and what they are.
    """
    if not request.state.by_token:
        _check_form_token(request, request.headers.get(FORM_HEADER, ""))
        return {}
    token = of_a_notebook(request.headers.get("authorization", ""))
    return {token: "the token of your notebook server"} if token else {}


def _check_form_token(request: Request, given: str) -> None:
    expected = str(request.session.get("form", ""))
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise HTTPException(403, "This form is out of date. Go back, load the page again and repeat.")
