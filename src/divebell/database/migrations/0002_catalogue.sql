-- What is loaded, from where, and what was found while loading it. Everyone at the event may read it.
CREATE SCHEMA catalogue AUTHORIZATION event_owner;
GRANT USAGE ON SCHEMA catalogue TO event_reader;
SET ROLE event_owner;

CREATE TABLE catalogue.dataset (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file                text NOT NULL,              -- path within the repository
    layer               text,                       -- layer within the file, where it holds several
    table_name          text NOT NULL UNIQUE,       -- in schema data
    format              text NOT NULL,              -- name of the reader
    identity            text NOT NULL,              -- hash over the blobs and the hint the table was made from
    commit              text NOT NULL,
    committed_at        timestamptz NOT NULL,
    author              text NOT NULL,
    rows                bigint NOT NULL,
    null_geometries     bigint,                     -- NULL where the dataset has no geometry
    empty_geometries    bigint,
    invalid_geometries  bigint,
    geometry_type       text,
    crs                 text,                       -- EPSG:4326; NULL when unknown
    srid                integer,
    bbox                double precision[],         -- west, south, east, north in EPSG:4326
    columns             jsonb NOT NULL,             -- [{"name", "original", "type"}], geometry left out
    warnings            text[] NOT NULL DEFAULT '{}',
    loaded_at           timestamptz NOT NULL DEFAULT now(),
    load_seconds        double precision NOT NULL,
    UNIQUE NULLS NOT DISTINCT (file, layer)
);

CREATE TABLE catalogue.failure (
    file       text PRIMARY KEY,
    identity   text NOT NULL,
    reason     text NOT NULL,
    commit     text NOT NULL,
    failed_at  timestamptz NOT NULL DEFAULT now()
);

-- One row: what the loader is doing. A heartbeat older than ten seconds means it is away.
CREATE TABLE catalogue.loader (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    heartbeat  timestamptz NOT NULL DEFAULT now(),
    commit     text,                                -- last commit loaded in full
    activity   text NOT NULL DEFAULT 'starting',    -- starting | waiting | loading | failing
    detail     text NOT NULL DEFAULT ''
);
INSERT INTO catalogue.loader DEFAULT VALUES;

GRANT SELECT ON ALL TABLES IN SCHEMA catalogue TO event_reader;

RESET ROLE;
CREATE FUNCTION catalogue.announce() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('catalogue', '');
    RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalogue.dataset
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue.announce();
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalogue.failure
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue.announce();
