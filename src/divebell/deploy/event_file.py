"""The event file as the server gets it."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

WIDE = 10_000
"""No line of the file is ever folded anew."""


def for_server(text: str, repository: str | None) -> str:
    """Give the event file with the repository the server has; None leaves it as it is. Pure.

    Branches are not pushed to a repository that only the server reads. Comments and the order of keys stay.
    """
    if repository is None:
        return text
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = WIDE
    document = yaml.load(text)
    document["data"]["repository"] = repository
    document["data"].pop("push", None)
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()
