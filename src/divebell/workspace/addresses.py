"""How a table is named in an address: `schema.table`, whatever characters the table's name holds."""

from __future__ import annotations

import base64
import binascii
import re

_PLAIN = re.compile(r"[\w$-][\w$.-]*")
_MARK = "~"


def to_slug(schema: str, table: str) -> str:
    """Give the part of an address that names a table.

    Ordinary names (letters of any script, digits, `_`, `-`, `$`, `.`) stay readable; a name with a slash, a
    quote, a blank or the like becomes `~` and its base64, because proxies rewrite or refuse such paths.
    """
    if _PLAIN.fullmatch(table):
        return f"{schema}.{table}"
    return f"{schema}.{_MARK}{base64.urlsafe_b64encode(table.encode()).decode().rstrip('=')}"


def from_slug(slug: str) -> tuple[str, str] | None:
    """Give (schema, table) of an address's part, or None when no table can be called that."""
    schema, dot, table = slug.partition(".")
    if not (schema and dot and table):
        return None
    if not table.startswith(_MARK):
        return schema, table
    code = table[len(_MARK) :]
    try:
        decoded = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (schema, decoded) if decoded else None
