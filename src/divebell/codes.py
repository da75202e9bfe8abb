"""Return codes, passwords and device tokens: kept as hashes only."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Characters that are not mistaken for each other when read out or copied by hand."""
LENGTH = 8
_N, _R, _P = 2**14, 8, 1  # about 16 MB and 40 ms: a code has 39 bits


def new_return_code() -> str:
    """Make a return code as it is shown: two groups of four."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{code[:4]}-{code[4:]}"


def hash_return_code(code: str) -> str:
    """Give what is stored of a return code."""
    return _hash(_plain(code))


def return_code_matches(typed: str, stored: str | None) -> bool:
    """Compare a typed code with what is stored; case, blanks and dashes do not matter."""
    return _matches(_plain(typed), stored)


def hash_password(password: str) -> str:
    """Give what is stored of a password."""
    return _hash(_same_everywhere(password))


def password_matches(typed: str, stored: str | None) -> bool:
    """Compare a typed password with what is stored."""
    return _matches(_same_everywhere(typed), stored)


def _plain(code: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", code[:100]).upper() if c.isalnum())


def _same_everywhere(password: str) -> str:
    """Two keyboards may write one letter in two ways."""
    return unicodedata.normalize("NFKC", password[:1000])


def _hash(text: str) -> str:
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(text, salt).hex()}"


def _matches(text: str, stored: str | None) -> bool:
    kind, _, rest = (stored or "").partition("$")
    if kind != "scrypt":
        return False
    salt, _, digest = rest.partition("$")
    return secrets.compare_digest(_scrypt(text, bytes.fromhex(salt)), bytes.fromhex(digest))


def _scrypt(text: str, salt: bytes) -> bytes:
    return hashlib.scrypt(text.encode("utf-8", "surrogatepass"), salt=salt, n=_N, r=_R, p=_P)


def new_device_token() -> str:
    """Make the value of a browser's cookie."""
    return secrets.token_urlsafe(32)


def hash_device(name: str, token: str) -> str:
    """Give what is stored when `name` signed in from the browser that holds `token`."""
    return hashlib.sha256(f"{name}:{token}".encode()).hexdigest()
