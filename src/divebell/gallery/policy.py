"""What a browser may do with a stranger's work: it gets an origin of its own, and no network. Pure."""

from __future__ import annotations

PAGE = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For pages made of a work, and for pictures: nothing runs."""
SCRIPTS = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline' data:; "
    "img-src data: blob:; font-src data:; media-src data: blob:; worker-src blob: data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts"
)
"""For an HTML file within our page: its scripts run where they reach neither the event nor the network."""
DOWNLOAD = "default-src 'none'; sandbox"


def headers(policy: str) -> dict[str, str]:
    """Give the headers of an answer that holds a stranger's bytes."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
    }
