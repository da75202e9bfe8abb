"""The longer statements, one a file; `{name}` marks what is composed in."""

from importlib.resources import files

from psycopg import sql


def template(name: str) -> sql.SQL:
    """Read the statement in `<name>.sql`."""
    return sql.SQL(text(name))


def text(name: str) -> str:
    """Read `<name>.sql` as it is."""
    return files(__package__ or __name__).joinpath(f"{name}.sql").read_text()
