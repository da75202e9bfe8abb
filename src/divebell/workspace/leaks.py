"""What looks like a credential in a file that is about to be shared. Pure; it never repeats what it found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

_SHORTEST_KNOWN = 8
_BEFORE, _AFTER = r"(?<![\w-])", r"(?![\w-])"


@dataclass(frozen=True)
class Leak:
    """Where something lies that nobody else should read, and what it seems to be."""

    where: str
    kind: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}"


@dataclass(frozen=True)
class _Form:
    """How one kind of credential looks; a text without any of the `hints` (in small letters) holds none."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]


def _form(kind: str, hints: tuple[str, ...], pattern: str) -> _Form:
    return _Form(kind, hints, re.compile(pattern))


TOKENS = (
    _form("a private key", ("private key",), r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"),
    _form("a token of GitHub's", ("gh",), _BEFORE + r"gh[pousr]_[A-Za-z0-9]{30,255}"),
    _form("a token of GitHub's", ("github_pat_",), _BEFORE + r"github_pat_\w{40,255}"),
    _form("a token of GitLab's", ("glpat-",), _BEFORE + r"glpat-[\w-]{20,255}"),
    _form("an access key of AWS", ("akia", "asia"), _BEFORE + r"(?:AKIA|ASIA)[0-9A-Z]{16}" + _AFTER),
    _form("a token of Slack's", ("xox",), _BEFORE + r"xox[abeoprs]-[A-Za-z0-9-]{10,255}"),
    _form(
        "a webhook of Slack's",
        ("hooks.slack.com",),
        r"hooks\.slack\.com/services/T\w{5,20}/B\w{5,20}/\w{10,60}",
    ),
    _form(
        "a key of an AI service",
        ("sk-",),
        _BEFORE
        + r"sk-(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Z])[\w-]{20,255}",  # scikit-learn's CSS has neither
    ),
    _form("a key of Google's", ("aiza",), _BEFORE + r"AIza[\w-]{35}" + _AFTER),
    _form("a key of Stripe's", ("k_live_",), _BEFORE + r"[rs]k_live_[0-9A-Za-z]{20,255}"),
    _form("a secret key of Mapbox", ("sk.eyj",), _BEFORE + r"sk\.eyJ[\w-]{20,1000}\.[\w-]{10,100}"),
    _form("a token of Hugging Face", ("hf_",), _BEFORE + r"hf_[A-Za-z]{30,60}" + _AFTER),
    _form("a token of npm", ("npm_",), _BEFORE + r"npm_[A-Za-z0-9]{36}" + _AFTER),
    _form("a token of PyPI", ("pypi-",), _BEFORE + r"pypi-[\w-]{50,255}"),
    _form("a key of Azure", ("accountkey=",), r"AccountKey=[A-Za-z0-9+/]{60,100}={0,2}"),
    _form("a token of this event", ("divebell_",), _BEFORE + r"divebell_[\w-]{43}" + _AFTER),
    _form("a signed token (JWT)", ("eyj",), _BEFORE + r"eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{16,2000}"),
)
"""Looked for in files of every kind: nothing else looks like these."""

_NAME = r"(?i:[\w.-]{0,40}(?:password|passwd|passphrase|pwd))"
_NAME_OF_KEY = r"(?i:[\w.-]{0,40}(?:secret|token|api_?key|access_?key|auth_?key))"
_GIVEN = r"[\"']?\]?\s{0,5}(?::\s{0,5}\w{1,20}\s{0,5}=|=|:)\s{0,5}"
_VALUE = r"[bru]?[\"'](?P<value>[^\"'\n\s]{4,200})[\"']"

WRITTEN_OUT = (
    _form("a password", ("password", "passwd", "passphrase", "pwd"), _BEFORE + _NAME + _GIVEN + _VALUE),
    _form("a password", ("pgpassword=",), r"PGPASSWORD=(?P<value>[^\s\"'$<{]{4,200})"),
    _form(
        "a password in an address",
        ("://",),
        r"://[^\s/:@\"'<>{}$]{1,100}:(?P<value>[^\s/@\"'<>{}$]{1,200})@[\w\[]",
    ),
    _form(
        "a key in an address",
        ("key=", "token=", "sig="),
        r"(?i:[?&](?:api_?key|key|(?:access_?)?token|sig)=)(?P<value>[0-9A-Za-z_-]{20,200})",
    ),
    _form(
        "a key",
        ("secret", "token", "key"),
        _BEFORE + _NAME_OF_KEY + _GIVEN + r"[bru]?[\"'](?P<value>(?=[^\"'\s]{0,200}\d)[^\"'\s]{16,200})[\"']",
    ),
)
"""Looked for in text: what somebody wrote down after a name that says what it is."""

_PLACEHOLDER = re.compile(
    r"(?i)[*.x_?-]+|.*(?:\.\.\.|…|<|>|\{|\}|\$|%s|xxxx|\*\*\*).*"
    r"|(?:my|your|the|a|some)?[-_]?(?:secret[-_]?)?(?:password|passwd|pwd|pass|secret|token|key|here|changeme"
    r"|change[-_]me|none|null|true|false|string|text|hidden|redacted|example)\d{0,3}"
    r"|(?:my|your|insert|enter|put)[-_].*|os\..*|getpass.*"
)


def leaks(name: str, contents: bytes, known: Mapping[str, str] | None = None) -> list[Leak]:
    """Find what looks like a credential in a file; `known` maps what else to look for to what it is.

    Pictures within a notebook are left out: their letters mean nothing.
    """
    secrets = {form: kind for value, kind in (known or {}).items() for form in _forms(value)}
    parts = _cells(contents) if name.lower().endswith(".ipynb") else None
    if parts is not None:
        return [leak for where, text in parts for leak in _in_text(where, text, secrets)]
    try:
        return list(_in_text("", contents.decode(), secrets))
    except UnicodeDecodeError:
        return list(_found("", contents.decode("latin-1"), TOKENS, secrets, lines=False))


def _forms(value: str) -> set[str]:
    return {value, quote(value, safe="")} if len(value) >= _SHORTEST_KNOWN else set()


def _in_text(where: str, text: str, secrets: Mapping[str, str]) -> Iterator[Leak]:
    return _found(where, text, (*TOKENS, *WRITTEN_OUT), secrets)


def _found(
    where: str, text: str, forms: tuple[_Form, ...], secrets: Mapping[str, str], *, lines: bool = True
) -> Iterator[Leak]:
    def leak(kind: str, at: int) -> Leak:
        line = f"line {text.count(chr(10), 0, at) + 1}" if lines else ""
        return Leak(", ".join(part for part in (where, line) if part) or "in the file", kind)

    for secret, kind in secrets.items():
        if (at := text.find(secret)) >= 0:
            yield leak(kind, at)
    small = text.lower()
    for form in forms:
        if not any(hint in small for hint in form.hints):
            continue
        match = next((one for one in form.pattern.finditer(text) if _meant(one)), None)
        if match is not None:
            yield leak(form.kind, match.start())


def _meant(match: re.Match[str]) -> bool:
    """Say whether a value is more than a stand-in for one."""
    value = match.groupdict().get("value")
    return value is None or not _PLACEHOLDER.fullmatch(value)


def _cells(contents: bytes) -> list[tuple[str, str]] | None:
    """Give the texts of a notebook and where each stands; None for what is no notebook."""
    try:
        cells = json.loads(contents)["cells"]
        return [part for number, cell in enumerate(cells, 1) for part in _texts(number, cell)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _texts(number: int, cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"cell {number}", _joined(cell.get("source", ""))
    for output in cell.get("outputs") or ():
        said = [output.get("text", ""), output.get("evalue", ""), output.get("traceback", "")]
        data = output.get("data") or {}
        said += [value for kind, value in data.items() if not kind.startswith(("image/", "video/", "audio/"))]
        yield f"output of cell {number}", "\n".join(_joined(one) for one in said)
    rest = {name: value for name, value in cell.items() if name not in {"source", "outputs", "attachments"}}
    yield f"metadata of cell {number}", json.dumps(rest)


def _joined(text: object) -> str:
    if isinstance(text, list):
        return "".join(str(line) for line in text)
    return text if isinstance(text, str) else json.dumps(text)
