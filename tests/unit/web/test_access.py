import asyncio
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from divebell.web.access import Access, check_origin
from divebell.web.bearer import Bearer, of_a_notebook, of_a_person


def request(**headers):
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": pairs})


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "dive.example.org", "origin": "https://dive.example.org"},
        {"host": "127.0.0.1:8000", "origin": "http://127.0.0.1:8000", "sec_fetch_site": "same-origin"},
        {"host": "dive.example.org"},
    ],
)
def test_the_events_own_pages_may_post(headers):
    check_origin(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "dive.example.org", "origin": "https://evil.example"},
        {"host": "dive.example.org", "origin": "null"},
        {"host": "dive.example.org", "origin": "https://dive.example.org.evil.example"},
        {"host": "dive.example.org", "sec_fetch_site": "same-site"},
    ],
)
def test_other_sites_pages_may_not(headers):
    with pytest.raises(HTTPException):
        check_origin(request(**headers))


@pytest.mark.parametrize(
    "host", ["x/services/event/hook?", "x/services/event/health#", "[::1]/services/event/hook?"]
)
def test_no_host_that_a_client_sends_opens_a_page(host):
    told = []

    async def inside(*_):
        told.append("inside")

    async def send(message):
        told.append(message.get("status"))

    async def nobody(_):
        return None

    closed = Access(
        inside,
        sign_in=SimpleNamespace(person=nobody),
        bearer=Bearer(nobody, of_a_person),
        notebooks=Bearer(nobody, of_a_notebook),
        public=False,
    )
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/services/event/api/shared",
        "query_string": b"",
        "headers": [(b"host", host.encode())],
    }
    asyncio.run(closed(scope, None, send))
    assert told[0] == 401
