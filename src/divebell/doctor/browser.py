"""A browser as far as the checks of sign-in need one, each at a loopback address of its own.

The hub counts wrong guesses by address: guesses made from an address that nobody uses slow down nobody.
"""

from __future__ import annotations

import html
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from divebell.doctor.finding import CannotBeCheckedError

PATIENCE = 20.0
_TOKEN = re.compile(r'name="_xsrf" value="([^"]+)"')


class _Here(httpx.HTTPTransport):
    """Finds every host on this machine: a server need not be able to reach its own address in the world."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it here; the server is told the name all the same."""
        here = httpx.Request(
            request.method,
            request.url.copy_with(host="127.0.0.1"),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": request.url.host},
        )
        return super().handle_request(here)


class Browser:
    """Cookies and forms; redirects are shown, not followed."""

    def __init__(self, base: str) -> None:
        numbers = random.SystemRandom()
        address = f"127.{numbers.randint(64, 254)}.{numbers.randint(1, 254)}.{numbers.randint(1, 254)}"
        # whether the certificate is one that browsers trust is the question of tls.certificate
        transport = _Here(local_address=address, verify=False)
        self.client = httpx.Client(base_url=base, transport=transport, timeout=PATIENCE, trust_env=False)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask for a page."""
        return self.client.get(path, headers=headers)

    def sign_in(self, name: str, password: str, **headers: str) -> httpx.Response:
        """Fill in the sign-in form and send it."""
        page = self.client.get("/hub/login")
        token = _TOKEN.search(page.text)
        if token is None:
            raise CannotBeCheckedError(f"the sign-in page answers {page.status_code} and has no form")
        form = {"username": name, "password": password, "_xsrf": html.unescape(token[1])}
        return self.client.post("/hub/login", data=form, headers=headers)


@contextmanager
def browser(base: str) -> Iterator[Browser]:
    """Open a browser for as long as the block lasts."""
    opened = Browser(base)
    try:
        yield opened
    finally:
        opened.client.close()
