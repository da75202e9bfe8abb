"""Asks the hub to stop somebody's notebook server."""

from __future__ import annotations

from divebell.event import Ports, Secrets, State


def stop(state: State, secrets: Secrets, name: str) -> bool:
    """Stop the server of `name` if one runs; False where the hub does not answer."""
    import httpx  # noqa: PLC0415 - few commands ask the hub

    address = f"http://127.0.0.1:{Ports.load(state).hub}/hub/api/users/{name}/server"
    headers = {"Authorization": f"token {secrets.web_token}"}
    try:
        answer = httpx.delete(address, headers=headers, timeout=30, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code in {202, 204, 400, 404}  # 400: none runs; 404: the hub does not know the name
