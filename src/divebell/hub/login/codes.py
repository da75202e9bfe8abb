"""Return codes and device tokens: made here, kept as hashes only."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Characters that are not mistaken for each other when read out or copied by hand."""
LENGTH = 8
NO_CODE = "none"
"""Stored in place of a hash for people who do not return with a code: ambassadors."""
_N, _R, _P = 2**14, 8, 1  # about 16 MB and 40 ms: a code has 39 bits


def new_return_code() -> str:
    """Make a return code as it is shown: two groups of four."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{code[:4]}-{code[4:]}"


def hash_return_code(code: str) -> str:
    """Give what is stored of a return code."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(code, salt).hex()}"


def return_code_matches(typed: str, stored: str | None) -> bool:
    """Compare a typed code with what is stored; case, blanks and dashes do not matter."""
    kind, _, rest = (stored or "").partition("$")
    if kind != "scrypt":
        return False
    salt, _, digest = rest.partition("$")
    return secrets.compare_digest(_scrypt(typed, bytes.fromhex(salt)), bytes.fromhex(digest))


def _scrypt(code: str, salt: bytes) -> bytes:
    plain = "".join(c for c in unicodedata.normalize("NFKC", code[:100]).upper() if c.isalnum())
    return hashlib.scrypt(plain.encode(), salt=salt, n=_N, r=_R, p=_P)


def new_device_token() -> str:
    """Make the value of a browser's cookie."""
    return secrets.token_urlsafe(32)


def hash_device(name: str, token: str) -> str:
    """Give what is stored when `name` signed in from the browser that holds `token`."""
    return hashlib.sha256(f"{name}:{token}".encode()).hexdigest()
