"""SQL of more than a few lines, in files of its own."""

from importlib.resources import files

from psycopg import sql


def template(name: str) -> sql.SQL:
    """Give a query that is to be composed."""
    return sql.SQL(files(__name__).joinpath(f"{name}.sql").read_text())
