"""Personal tokens, made and revoked from a notebook: for QGIS and for scripts elsewhere."""

from __future__ import annotations

from html import escape

import psycopg
from psycopg.rows import class_row

from divebell.credentials import Token, hash_of, label_of, new_token
from divebell.errors import DivebellError
from divebell.workspace.engine import own_schema


class Shown(str):
    """A token, which this notebook's file should not keep: it is printed only when printed on purpose."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "a token; print() shows it"

    def _repr_html_(self) -> str:
        return f"<em>{escape(repr(self))}</em>"


def token(label: str = "from a notebook") -> Shown:
    """Make a token, with which QGIS or a script reads the event's data as you. It is not shown again.

    `print(divebell.token("QGIS"))` shows it. Raises DivebellError when ten are in use.
    """
    own_schema()
    made = new_token()
    with psycopg.connect("") as connection:
        try:
            connection.execute("CALL tokens.make(%s, %s)", [label_of(label), hash_of(made)])
        except psycopg.errors.ProgramLimitExceeded as error:
            raise DivebellError(
                "you have ten tokens, and no more are given",
                next_step="divebell.tokens() lists them; divebell.revoke_token(ID) ends one",
            ) from error
    return Shown(made)


def tokens() -> list[Token]:
    """Give your tokens: what each is called, when it was last used, when it ends."""
    own_schema()
    with psycopg.connect("") as connection, connection.cursor(row_factory=class_row(Token)) as cursor:
        return cursor.execute("SELECT * FROM tokens.mine ORDER BY id").fetchall()


def revoke_token(which: int) -> None:
    """End one of your tokens at once; `which` is the `id` that `tokens()` says."""
    if which not in {one.id for one in tokens()}:
        raise DivebellError(f"you have no token {which}", next_step="divebell.tokens() lists yours")
    with psycopg.connect("") as connection:
        connection.execute("CALL tokens.revoke(%s)", [which])
