"""The event's PostgreSQL: the private cluster, roles and grants, numbered migrations, connections."""

from divebell.database.connection import admin, connect, conninfo, role_of
from divebell.database.migrate import prepare
from divebell.database.provision import provision
from divebell.database.writing import writing

__all__ = ["admin", "connect", "conninfo", "prepare", "provision", "role_of", "writing"]
