"""What belongs to the machine that builds: its certificates and its package index. Never part of an image."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from divebell.errors import DivebellError

BUNDLE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE")
INDEX_VARIABLE = "PIP_INDEX_URL"
_INSIDE = "/builder/ca.crt"


def bundle_of(environment: Mapping[str, str]) -> Path | None:
    """Give the bundle of certificates that this environment names for pip, or for everything."""
    named = (environment[name] for name in BUNDLE_VARIABLES if environment.get(name))
    return next(map(Path, named), None)


def files(environment: Mapping[str, str], bundle: Path | None) -> dict[str, str]:
    """Give what a build stage reads: variables for pip and uv, and the certificates.

    Raises DivebellError when the bundle cannot be read.
    """
    found = {}
    variables = {"UV_NO_CACHE": "1", "UV_HTTP_TIMEOUT": "120", "NO_COLOR": "1"}
    if bundle is not None:
        found["builder/ca.crt"] = _read(bundle)
        variables |= dict.fromkeys((*BUNDLE_VARIABLES, "REQUESTS_CA_BUNDLE"), _INSIDE)
    if index := environment.get(INDEX_VARIABLE):
        variables |= {INDEX_VARIABLE: index, "UV_DEFAULT_INDEX": index}
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
    return {**found, "builder/environment": "".join(lines)}


def _read(bundle: Path) -> str:
    try:
        text = bundle.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DivebellError(
            f"the bundle of certificates {bundle} cannot be read: {error.strerror}",
            next_step="divebell image build --ca-bundle FILE",
        ) from error
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise DivebellError(
            f"{bundle} holds no certificates", next_step="give a file with certificates in PEM form"
        )
    return text
