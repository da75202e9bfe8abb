"""Give a volunteer a role and a schema of their own."""

from __future__ import annotations

import secrets

import psycopg

from divebell.database.connection import role_of, scram_verifier


def provision(connection: psycopg.Connection, person_name: str) -> str:
    """Make the person's role and schema, or renew them, and give the role's fresh password.

    `connection` is `event_hub`'s. Sessions open under an earlier password stay open. The password itself
    never reaches the server, only its SCRAM verifier does.
    """
    role, password = role_of(person_name), secrets.token_urlsafe(24)
    verifier = scram_verifier(connection, role, password)
    with connection.transaction():
        connection.execute("CALL public.provision(%s, %s)", (role, verifier))
    return password
