import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from divebell.web.access import check_origin


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
