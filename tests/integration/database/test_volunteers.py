"""What a volunteer may do at the event's database, and what not. Each refusal is tried for real."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import geopandas
import pandas as pd
import psycopg
import pytest
import sqlalchemy
from psycopg import errors
from shapely import Point

import divebell
from divebell.database import admin, connect, provision
from divebell.database.connection import conninfo

Enter = Callable[..., psycopg.Connection]


@pytest.fixture
def sign_in(empty_cluster: Any) -> Iterator[Enter]:
    """Give a function that connects as a volunteer; everything it opened is closed at the end."""
    opened: list[psycopg.Connection] = []
    passwords: dict[str, str] = {}

    def enter(name: str) -> psycopg.Connection:
        state = empty_cluster.state
        if name not in passwords:
            with connect(state, "event_hub") as hub:
                passwords[name] = provision(hub, name)
        place = {**conninfo(state, "event_hub"), "user": f"v_{name}", "password": passwords[name]}
        opened.append(psycopg.connect(**place, autocommit=True))
        return opened[-1]

    yield enter
    for connection in opened:
        connection.close()


@pytest.fixture
def wells(empty_cluster: Any) -> str:
    """Give a dataset of the event with one point, loaded as the loader does."""
    with connect(empty_cluster.state, "event_loader") as loader:
        loader.execute("CREATE TABLE stage.wells (id int, geom geometry(Point, 4326))")
        loader.execute("INSERT INTO stage.wells VALUES (1, ST_SetSRID(ST_Point(8, 47), 4326))")
        loader.execute("ALTER TABLE stage.wells SET SCHEMA data")
        loader.execute("GRANT SELECT ON data.wells TO event_reader")
    return "data.wells"


def test_a_volunteer_works_with_the_data_and_keeps_results(sign_in: Enter, wells: str) -> None:
    ana = sign_in("ana")
    ana.execute("CREATE TABLE near AS SELECT id, ST_Buffer(geom, 0.1) AS geom FROM wells")
    ana.execute("CREATE INDEX ON near USING gist (geom)")
    ana.execute("CREATE VIEW big AS SELECT *, ST_Area(geom) AS area FROM near")
    ana.execute("CREATE TEMP TABLE scratch AS SELECT generate_series(1, 10) AS n")
    ana.execute("CREATE TABLE seq (id serial PRIMARY KEY, doc jsonb)")
    ana.execute("ALTER TABLE near ADD COLUMN note text")
    layers = ana.execute("SELECT f_table_schema, f_table_name, type FROM geometry_columns ORDER BY 1, 2")
    assert layers.fetchall() == [
        ("catalogue", "original_geometry", "GEOMETRY"),
        ("data", "wells", "POINT"),
        ("v_ana", "big", "GEOMETRY"),
        ("v_ana", "near", "GEOMETRY"),
    ]
    assert ana.execute("SELECT ST_SRID(ST_Transform(geom, 3857)) FROM near").fetchone() == (3857,)


def test_geopandas_writes_replaces_and_reads_a_table(sign_in: Enter) -> None:
    ana = sign_in("ana")
    address = sqlalchemy.URL.create(
        "postgresql+psycopg", "v_ana", ana.info.password, "127.0.0.1", ana.info.port, "event"
    )
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    points = geopandas.GeoDataFrame({"n": [1, 2]}, geometry=[Point(8, 47), Point(9, 48)], crs=4326)
    for if_exists in ("fail", "replace", "append"):
        points.to_postgis("points", engine, schema="v_ana", index=True, if_exists=if_exists)
    read = geopandas.read_postgis("SELECT * FROM points", engine, geom_col="geometry")
    assert (len(read), read.crs.to_epsg()) == (4, 4326)
    pd.DataFrame({"n": [1]}).to_sql("plain", engine)
    assert ana.execute("SELECT count(*) FROM v_ana.plain").fetchone() == (1,)


def test_tables_written_without_a_schema_are_the_volunteers_own(
    sign_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = sign_in("ana")
    known = {
        "PGHOST": "127.0.0.1",
        "PGPORT": ana.info.port,
        "PGUSER": "v_ana",
        "PGPASSWORD": ana.info.password,
    }
    for name, value in (*known.items(), ("PGDATABASE", "event")):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(geopandas.GeoDataFrame, "to_postgis", geopandas.GeoDataFrame.to_postgis)
    points = geopandas.GeoDataFrame({"n": [1]}, geometry=[Point(8, 47)], crs=4326)
    engine = divebell.engine()
    points.to_postgis("points", engine)
    pd.DataFrame({"n": [1]}).to_sql("plain", engine)
    tables = ana.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'v_ana' ORDER BY 1").fetchall()
    assert tables == [("plain",), ("points",)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO data.wells VALUES (2, NULL)",
        "DELETE FROM data.wells",
        "TRUNCATE data.wells",
        "DROP TABLE data.wells",
        "ALTER TABLE data.wells ADD COLUMN mine text",
        "BEGIN; LOCK TABLE data.wells IN ACCESS EXCLUSIVE MODE",
        "CREATE TABLE data.mine (n int)",
        "CREATE TABLE public.mine (n int)",
        "CREATE TABLE stage.mine (n int)",
        "CREATE TABLE catalogue.mine (n int)",
        "CREATE TABLE v_ben.mine (n int)",
        "CREATE SCHEMA mine",
        "DELETE FROM public.spatial_ref_sys",
        "INSERT INTO catalogue.failure (file, identity, reason, commit) VALUES ('a', 'b', 'c', 'd')",
        "UPDATE catalogue.loader SET heartbeat = now()",
        "SELECT * FROM people.person",
        "SELECT * FROM people.roster",
        "SELECT people.reset('ben')",
        "SELECT * FROM divebell.migration",
        "SELECT * FROM divebell.limits",
        "SELECT * FROM watch.intervention",
        "SELECT * FROM watch.heartbeat",
        "SELECT * FROM watch.outside()",
        "SELECT * FROM watch.tidy()",
        "UPDATE watch.mine SET detail = ''",
    ],
)
def test_a_volunteer_writes_nowhere_but_in_the_own_schema(sign_in: Enter, wells: str, statement: str) -> None:
    sign_in("ben")
    with pytest.raises(errors.InsufficientPrivilege):
        sign_in("ana").execute(statement)


PRIVILEGES = """
    SELECT 'table', oid::regclass::text, relacl::text FROM pg_class WHERE relnamespace IN
        ('data'::regnamespace, 'catalogue'::regnamespace, 'people'::regnamespace)
    UNION ALL SELECT 'schema', nspname, nspacl::text FROM pg_namespace
    UNION ALL SELECT 'database', datname, datacl::text FROM pg_database
    UNION ALL SELECT 'tablespace', spcname, spcacl::text FROM pg_tablespace
    UNION ALL SELECT 'defaults', oid::text, defaclacl::text FROM pg_default_acl
    UNION ALL SELECT 'member', roleid::regrole::text, member::regrole::text FROM pg_auth_members
    UNION ALL SELECT 'role', rolname, (rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolconnlimit)::text
        FROM pg_roles
    ORDER BY 1, 2, 3"""


@pytest.mark.parametrize(
    "statement",
    [
        "GRANT ALL ON data.wells TO v_ana",
        "REVOKE SELECT ON data.wells FROM event_reader",
        "REVOKE USAGE ON SCHEMA data FROM event_reader CASCADE",
        "REVOKE CONNECT ON DATABASE event FROM event_reader",
        "SET ROLE event_reader; REVOKE SELECT ON data.wells FROM event_reader",
        "DROP OWNED BY event_reader CASCADE",
        "DROP OWNED BY volunteers CASCADE",
        "SET ROLE volunteers; DROP OWNED BY volunteers CASCADE",
        "REASSIGN OWNED BY event_owner TO v_ana",
        "GRANT volunteers TO v_ben WITH ADMIN OPTION",
        "REVOKE volunteers FROM v_ben",
        "REVOKE event_reader FROM event_tiles",
        "REVOKE CREATE ON TABLESPACE scratch FROM volunteers",
        "GRANT CREATE ON TABLESPACE scratch TO event_reader",
        "ALTER DEFAULT PRIVILEGES FOR ROLE event_owner IN SCHEMA data REVOKE SELECT ON TABLES FROM PUBLIC",
        "DROP ROLE v_ben",
    ],
)
def test_a_volunteer_changes_nobodys_privileges(
    sign_in: Enter, wells: str, empty_cluster: Any, statement: str
) -> None:
    sign_in("ben")
    ana = sign_in("ana")
    with admin(empty_cluster.state, autocommit=True) as observer:
        before = observer.execute(PRIVILEGES).fetchall()
        with contextlib.suppress(psycopg.Error):  # refused, or done without effect and with a warning
            ana.execute(statement)
        assert observer.execute(PRIVILEGES).fetchall() == before


def test_a_table_made_in_data_is_readable_by_volunteers_and_by_nobody_outside(
    sign_in: Enter, empty_cluster: Any
) -> None:
    with connect(empty_cluster.state, "event_loader") as loader:
        loader.execute("CREATE TABLE data.roads AS SELECT 1 AS n")
    assert sign_in("ana").execute("SELECT n FROM roads").fetchone() == (1,)
    with connect(empty_cluster.state, "event_hub") as hub, pytest.raises(errors.InsufficientPrivilege):
        hub.execute("SELECT n FROM data.roads")


def test_a_table_is_private_until_it_is_shared(sign_in: Enter, empty_cluster: Any) -> None:
    ana, ben = sign_in("ana"), sign_in("ben")
    ana.execute("CREATE TABLE found AS SELECT 1 AS n")
    with pytest.raises(errors.InsufficientPrivilege):
        ben.execute("SELECT * FROM v_ana.found")
    with connect(empty_cluster.state, "event_tiles") as tiles, pytest.raises(errors.InsufficientPrivilege):
        tiles.execute("SELECT * FROM v_ana.found")

    ana.execute("GRANT SELECT ON found TO event_reader")
    assert ben.execute("SELECT n FROM v_ana.found").fetchone() == (1,)
    with connect(empty_cluster.state, "event_tiles") as tiles:
        assert tiles.execute("SELECT n FROM v_ana.found").fetchone() == (1,)
    with pytest.raises(errors.InsufficientPrivilege):
        ben.execute("UPDATE v_ana.found SET n = 2")

    ana.execute("REVOKE SELECT ON found FROM event_reader")
    with pytest.raises(errors.InsufficientPrivilege):
        ben.execute("SELECT * FROM v_ana.found")


@pytest.mark.parametrize(
    "question",
    [
        "ST_EstimatedExtent('v_ana', 'found', 'geom')",
        "_postgis_stats('v_ana.found', 'geom')",
        "_postgis_selectivity('v_ana.found', 'geom', 'POINT(1 1)')",
        "_postgis_index_extent('v_ana.found', 'geom')",
    ],
)
def test_postgis_does_not_tell_where_the_points_of_a_private_table_lie(
    sign_in: Enter, empty_cluster: Any, question: str
) -> None:
    ana, ben = sign_in("ana"), sign_in("ben")
    ana.execute("CREATE TABLE found AS SELECT ST_Point(n, n) AS geom FROM generate_series(1, 50) n")
    ana.execute("CREATE INDEX ON found USING gist (geom)")
    ana.execute("ANALYZE found")
    with pytest.raises(errors.InsufficientPrivilege):
        ben.execute(f"SELECT {question}")
    ben.execute(f"CREATE VIEW asks AS SELECT ({question})::text AS answer")
    ben.execute("GRANT SELECT ON asks TO event_reader")
    with connect(empty_cluster.state, "event_tiles") as tiles, pytest.raises(errors.InsufficientPrivilege):
        tiles.execute("SELECT * FROM v_ben.asks")


def test_the_seventh_connection_is_refused(sign_in: Enter) -> None:
    for _ in range(6):
        sign_in("ana")
    with pytest.raises(psycopg.OperationalError, match='too many connections for role "v_ana"'):
        sign_in("ana")
    sign_in("ben")


@pytest.mark.parametrize(
    "statement",
    [
        # the machine's files and programs
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "CREATE TEMP TABLE t (l text); COPY t FROM PROGRAM 'id'",
        "CREATE TEMP TABLE t (l text); COPY t FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/divebell_escape'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('PG_VERSION')",
        "SELECT pg_ls_dir('/')",
        "SELECT pg_stat_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/divebell_escape')",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "LOAD '/tmp/evil.so'",
        # more power
        "SET ROLE postgres",
        "SET ROLE event_owner",
        "SET ROLE event_loader",
        "SET SESSION AUTHORIZATION postgres",
        "CREATE ROLE mine SUPERUSER",
        "ALTER ROLE v_ana SUPERUSER",
        "ALTER ROLE v_ana CREATEROLE",
        "ALTER ROLE v_ana CONNECTION LIMIT 100",
        "ALTER ROLE v_ben PASSWORD 'x'",
        "ALTER ROLE event_web SET search_path = v_ana",
        "ALTER ROLE v_ana SET temp_file_limit = -1",
        "SET temp_file_limit = -1",
        "SET session_replication_role = replica",
        "GRANT event_owner TO v_ana",
        "GRANT pg_execute_server_program TO v_ana",
        "CALL public.provision('v_ben', 'SCRAM-SHA-256$4096:x$y:z')",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "SELECT pg_reload_conf()",
        "ALTER DATABASE event SET search_path = v_ana",
        "CREATE DATABASE mine",
        # code that others would run
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "CREATE FUNCTION f(text) RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'lo_create'",
        "DO 'BEGIN END'",
        "CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION catalogue.announce()",
        "SELECT DropGeometryTable('data', 'wells')",
        "SELECT AddGeometryColumn('v_ana', 't', 'g', 4326, 'POINT', 2)",
        "SELECT UpdateGeometrySRID('t', 'g', 4326)",
        "CREATE TABLE t (n int); CREATE TRIGGER t AFTER INSERT ON t EXECUTE FUNCTION catalogue.announce()",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        # other servers
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION postgres_fdw",
        "CREATE EXTENSION hstore",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p",
        # what all share
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1)",
        "SELECT pg_notify('catalogue', '')",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
        "CREATE TABLESPACE t LOCATION '/tmp'",
        "SELECT rolpassword FROM pg_authid",
        "SELECT passwd FROM pg_shadow",
        "CHECKPOINT",
    ],
)
def test_no_statement_gives_a_volunteer_more_power(
    sign_in: Enter, wells: str, empty_cluster: Any, statement: str
) -> None:
    sign_in("ben")
    with admin(empty_cluster.state), pytest.raises(errors.InsufficientPrivilege):
        sign_in("ana").execute(statement)


TROJANS = (
    "DropGeometryTable('v_ben', 'works')",
    "query_to_xml('DROP TABLE v_ben.works', true, true, '')::text",
    "lo_import('/etc/passwd')::text",
    "pg_read_file('/etc/passwd')",
    "pg_notify('catalogue', '')::text",
    "pg_advisory_lock(1)::text",
    "people.reset('ben')::text",
)


@pytest.mark.parametrize("call", TROJANS)
def test_a_view_that_does_something_does_it_to_nobody_who_reads_it(
    sign_in: Enter, empty_cluster: Any, call: str
) -> None:
    ana, ben = sign_in("ana"), sign_in("ben")
    ben.execute("CREATE TABLE works AS SELECT 1 AS n")
    with contextlib.suppress(errors.InsufficientPrivilege):  # some cannot even be written down
        ana.execute(f"CREATE VIEW trojan AS SELECT {call} AS x")
        ana.execute("GRANT SELECT ON trojan TO event_reader")
        with connect(empty_cluster.state, "event_tiles", autocommit=True) as tiles:
            for reader in (ben, tiles):
                with pytest.raises(errors.InsufficientPrivilege):
                    reader.execute("SELECT * FROM v_ana.trojan")
    assert ben.execute("SELECT n FROM works").fetchone() == (1,)


def test_no_policy_of_a_volunteer_runs_as_the_map_server(sign_in: Enter, empty_cluster: Any) -> None:
    ana = sign_in("ana")
    ana.execute("CREATE TABLE trojan AS SELECT 1 AS n")
    ana.execute("CREATE POLICY p ON trojan USING (set_config('search_path', 'v_ana', false) IS NOT NULL)")
    ana.execute("ALTER TABLE trojan ENABLE ROW LEVEL SECURITY")
    ana.execute("GRANT SELECT ON trojan TO event_reader")
    with connect(empty_cluster.state, "event_tiles") as tiles:
        with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
            tiles.execute("SELECT * FROM v_ana.trojan")
        tiles.rollback()
        assert tiles.execute("SHOW search_path").fetchone() == ("data, public",)


@pytest.mark.parametrize("role", ["event_web", "event_hub", "event_watchdog"])
def test_what_volunteers_share_never_runs_with_the_rights_of_another_part(
    sign_in: Enter, empty_cluster: Any, role: str
) -> None:
    ana = sign_in("ana")
    ana.execute("CREATE VIEW shared AS SELECT current_user AS who")
    ana.execute("GRANT SELECT ON shared TO event_reader, PUBLIC")
    with connect(empty_cluster.state, role) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM v_ana.shared")
    with connect(empty_cluster.state, "event_tiles") as tiles:
        assert tiles.execute("SELECT * FROM v_ana.shared").fetchone() == ("event_tiles",)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM people.roster",
        "SELECT people.reset('ana')",
        "SELECT * FROM watch.intervention",
        "SELECT * FROM watch.mine",
        "SELECT * FROM stage.anything",
        "CREATE TEMP TABLE t (n int)",
        "CREATE TABLE data.t (n int)",
    ],
)
def test_the_map_server_knows_nobody_and_changes_nothing(empty_cluster: Any, statement: str) -> None:
    with connect(empty_cluster.state, "event_tiles") as tiles, pytest.raises(psycopg.Error) as no:
        tiles.execute(statement)
    assert isinstance(no.value, errors.InsufficientPrivilege | errors.ReadOnlySqlTransaction)
