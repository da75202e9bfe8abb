"""What a browser may load for a page of the event: nothing inline, nothing from elsewhere. Pure."""

from __future__ import annotations

from divebell.event import Event
from divebell.event.maps import Background


def policy(
    *, pictures: str = "", connections: str = "", frames: str = "'self'", within: str = "'none'"
) -> str:
    """Give the Content-Security-Policy of a page.

    `pictures` and `connections` are sources allowed besides the event itself, `frames` who may show the page
    within theirs, `within` whose pages it may show.
    """
    directives = (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        f"img-src 'self' data: blob: {pictures}".strip(),
        f"connect-src 'self' {connections}".strip(),
        "font-src 'self'",
        f"frame-src {within}",
        "base-uri 'none'",
        "form-action 'self'",
        f"frame-ancestors {frames}",
    )
    return "; ".join(directives)


def map_policy(event: Event, *, embedded: bool) -> str:
    """Give the policy of a map: its background may come from elsewhere, and a public one be shown anywhere.

    A style names hosts of its own for tiles, writing and icons, so any with https is allowed then.
    """
    origin = event.maps.origin or ""
    sources = "https:" if event.maps.kind is Background.STYLE else origin
    anywhere = embedded and event.maps.public
    return policy(pictures=sources, connections=sources, frames="*" if anywhere else "'self'")
