"""GitHub as far as signing in needs it: pages, redirects and answers as docs.github.com describes them.

`with github(callback) as standin` runs one on a loopback port; a test changes `standin.accounts`, `standin.mode`
and what else it holds while it runs, and reads `standin.asked`.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "Iv1.0123456789abcdef", "the app's secret, 40 characters in truth"


@dataclass
class Account:
    """Somebody on GitHub. Memberships are private, as they are unless a person publishes them."""

    number: int
    login: str
    organisations: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)


@dataclass
class Grant:
    """A code or a token, and what came with it."""

    account: Account
    scope: str
    redirect_uri: str
    challenge: str = ""


@dataclass
class GitHubStandin:
    """What GitHub knows. `mode`: fine, slow (never answers in time), broken (500), busy, odd (other JSON)."""

    callback: str
    secret: str = CLIENT_SECRET
    accounts: dict[str, Account] = field(default_factory=dict)
    mode: str = "fine"
    unapproved: set[str] = field(default_factory=set)
    """Organisations whose owners have not approved the app: it sees public memberships only."""
    codes: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    address: str = ""
    released: threading.Event = field(default_factory=threading.Event)

    def account(self, number: int, login: str, *memberships: str) -> Account:
        """Register somebody; memberships are `organisation` or `organisation/team`."""
        teams = {one for one in memberships if "/" in one}
        self.accounts[login] = Account(number, login, set(memberships) - teams, teams)
        return self.accounts[login]

    def rename(self, old: str, new: str) -> None:
        """Let somebody change the login; the number stays."""
        self.accounts[new] = self.accounts.pop(old)
        self.accounts[new].login = new

    def expire_codes(self) -> None:
        """Let all codes be older than ten minutes."""
        self.codes.clear()

    def revoke_tokens(self, account: Account) -> None:
        """Do as somebody who takes the app's access away."""
        self.tokens = {token: grant for token, grant in self.tokens.items() if grant.account is not account}


class _Handler(BaseHTTPRequestHandler):
    standin: GitHubStandin
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing; the test reads `asked`."""

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._answer(_flat(body))

    def _answer(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        self.standin.asked.append(f"{self.command} {parts.path}")
        if self.standin.mode == "slow":
            self.standin.released.wait(120)
        if self.standin.mode == "broken":
            return self._send(500, "<h1>Unicorn!</h1>")
        if parts.path.startswith("/api/v3/"):
            return self._api(parts.path.removeprefix("/api/v3"))
        pages = {
            ("GET", "/login/oauth/authorize"): self._authorize,
            ("POST", "/login"): self._sign_in,
            ("POST", "/login/oauth/authorize"): self._decide,
            ("POST", "/login/oauth/access_token"): self._token,
        }
        return pages.get((self.command, parts.path), self._missing)(form or _flat(parts.query))

    def _missing(self, _: dict[str, str]) -> None:
        self._send(404, "<h1>This is not the web page you are looking for</h1>")

    # Pages

    def _who(self) -> Account | None:
        number = SimpleCookie(self.headers.get("Cookie", "")).get("dotcom_user")
        known = self.standin.accounts.values()
        return next((one for one in known if number and str(one.number) == number.value), None)

    def _authorize(self, query: dict[str, str]) -> None:
        if query.get("client_id") != CLIENT_ID:
            return self._send(404, "<h1>404</h1>")
        if query.get("redirect_uri", self.standin.callback) != self.standin.callback:
            wrong = {"error": "redirect_uri_mismatch", "state": query.get("state", "")}
            wrong["error_description"] = "The redirect_uri is not associated with this application."
            return self._redirect(f"{self.standin.callback}?{urlencode(wrong)}")
        account, fields = self._who(), "".join(_hidden(key, value) for key, value in query.items())
        if account is None:
            page = "<h1>Sign in to GitHub</h1><input name='login' autofocus><button>Sign in</button>"
            return self._send(200, f"<form method='post' action='/login'>{fields}{page}</form>")
        if account.login in self.standin.agreed:
            return self._grant(account, query)
        page = "<h1>Authorize</h1><button name='authorize' value='1'>Authorize</button>"
        page += "<button name='authorize' value='0'>Cancel</button>"
        return self._send(200, f"<form method='post' action='/login/oauth/authorize'>{fields}{page}</form>")

    def _sign_in(self, form: dict[str, str]) -> None:
        account = self.standin.accounts.get(form.pop("login", ""))
        cookie = f"dotcom_user={account.number if account else 0}; Path=/; HttpOnly"
        return self._redirect(f"/login/oauth/authorize?{urlencode(form)}", cookie)

    def _decide(self, form: dict[str, str]) -> None:
        account = self._who()
        if account is None or form.pop("authorize", "0") != "1":
            no = {
                "error": "access_denied",
                "error_description": "The user has denied your application access.",
            }
            return self._redirect(
                f"{self.standin.callback}?{urlencode(no | {'state': form.get('state', '')})}"
            )
        self.standin.agreed.add(account.login)
        return self._grant(account, form)

    def _grant(self, account: Account, query: dict[str, str]) -> None:
        code = secrets.token_hex(10)
        scope = ",".join(query.get("scope", "").split())
        challenge = query.get("code_challenge", "")
        self.standin.codes[code] = Grant(account, scope, query.get("redirect_uri", ""), challenge)
        back = {"code": code, "state": query.get("state", "")}
        return self._redirect(f"{self.standin.callback}?{urlencode(back)}")

    # What programs ask

    def _token(self, form: dict[str, str]) -> None:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, self.standin.secret):
            return self._wrong(
                "incorrect_client_credentials", "The client_id and/or client_secret are incorrect."
            )
        grant = self.standin.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if grant is None or (grant.challenge and grant.challenge != challenge):
            return self._wrong("bad_verification_code", "The code passed is incorrect or expired.")
        token = f"gho_{secrets.token_hex(18)}"
        self.standin.tokens[token] = grant
        return self._json(200, {"access_token": token, "token_type": "bearer", "scope": grant.scope})

    def _wrong(self, error: str, description: str) -> None:
        self._json(
            200, {"error": error, "error_description": description, "error_uri": "https://docs.example"}
        )

    def _api(self, path: str) -> None:
        if self.standin.mode == "odd":
            return self._json(200, [])
        if self.standin.mode == "busy":
            headers = {"x-ratelimit-remaining": "0"}
            return self._json(403, {"message": "API rate limit exceeded"}, headers)
        grant = self.standin.tokens.get(self.headers.get("Authorization", "").partition(" ")[2])
        if grant is None:
            return self._json(401, {"message": "Bad credentials", "status": "401"})
        if path == "/user":
            account = grant.account
            return self._json(
                200, {"login": account.login, "id": account.number, "email": None, "name": None}
            )
        return self._membership(path, grant)

    def _membership(self, path: str, grant: Grant) -> None:
        team = re.fullmatch(r"/orgs/([^/]+)/teams/([^/]+)/members/([^/]+)", path)
        organisation = re.fullmatch(r"/orgs/([^/]+)/members/([^/]+)", path)
        found = team or organisation
        if found is None:
            return self._json(404, {"message": "Not Found"})
        sees = "read:org" in grant.scope and found[1] not in self.standin.unapproved
        asked = self.standin.accounts.get(found.groups()[-1])
        if team:
            within = asked is not None and f"{team[1]}/{team[2]}" in asked.teams
            return self._send(204) if within and sees else self._json(404, {"message": "Not Found"})
        if not sees or found[1] not in grant.account.organisations:  # only members see private members
            return self._redirect(f"/api/v3/orgs/{found[1]}/public_members/{found[2]}")
        within = asked is not None and found[1] in asked.organisations
        return self._send(204) if within else self._json(404, {"message": "Not Found"})

    def _redirect(self, where: str, cookie: str = "") -> None:
        self._send(302, "", {"Location": where} | ({"Set-Cookie": cookie} if cookie else {}))

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, text: str = "", headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "text/html; charset=utf-8"} | (headers or {})).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if status != 204 else b"")


def _flat(text: str) -> dict[str, str]:
    return {key: found[0] for key, found in parse_qs(text, keep_blank_values=True).items()}


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'


@contextmanager
def github(
    callback: str = "", *, listens: str = "127.0.0.1", pair: Path | None = None
) -> Iterator[GitHubStandin]:
    """Run GitHub for an app whose registered callback address is given, or set before the first visit.

    With `pair`, a file of a certificate and its key, it speaks https at `listens`.
    """
    standin = GitHubStandin(callback)
    server = ThreadingHTTPServer((listens, 0), type("Handler", (_Handler,), {"standin": standin}))
    server.daemon_threads = True
    port = server.server_address[1]
    standin.address = f"https://{listens}:{port}" if pair else f"http://localhost:{port}"
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        standin.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
