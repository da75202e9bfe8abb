"""Answer git's question for a password of the event's own address, and no other: see gitcredentials(7)."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

from divebell.workspace.git_settings import ADDRESS_VARIABLE

TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a name


def answer(question: str, environment: Mapping[str, str]) -> str:
    """Give name and token for the event's address; nothing for any other."""
    asked = dict(line.split("=", 1) for line in question.splitlines() if "=" in line)
    address = urlsplit(environment.get(ADDRESS_VARIABLE, ""))
    token, person = environment.get(TOKEN_VARIABLE, ""), environment.get("DIVEBELL_PERSON", "")
    wanted = {"protocol": address.scheme, "host": address.netloc, "path": address.path.lstrip("/")}
    if not token or not address.netloc or any(asked.get(key) != value for key, value in wanted.items()):
        return ""
    return f"username={person}\npassword={token}\n"


def main(arguments: list[str]) -> int:
    """Answer `get`; there is nothing to store or to erase."""
    if arguments == ["get"]:
        sys.stdout.write(answer(sys.stdin.read(), os.environ))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
