-- Where a dataset comes from and what it was before: nothing the catalogue ever said is lost.
ALTER TABLE catalogue.dataset
    ADD COLUMN geometry_types text[] NOT NULL DEFAULT '{}',  -- every type found, before any was promoted
    ADD COLUMN retired_at timestamptz,                       -- its file is gone, but somebody's work uses the table
    ADD COLUMN used_by text[] NOT NULL DEFAULT '{}';         -- whose: the reason why a retired table is still there
COMMENT ON COLUMN catalogue.dataset.columns IS '[{"name", "original", "type", "nulls"}], geometry left out';

SET ROLE event_owner;

-- Geometries as the file has them, where the table has them repaired. `row_id` is that of data.<table_name>.
CREATE TABLE catalogue.original_geometry (
    table_name  text NOT NULL REFERENCES catalogue.dataset (table_name) ON UPDATE CASCADE ON DELETE CASCADE,
    row_id      integer NOT NULL,
    reason      text NOT NULL,
    geom        public.geometry NOT NULL,
    PRIMARY KEY (table_name, row_id)
);

-- Every version of every row of catalogue.dataset, the present one (until IS NULL) among them. Kept by trigger.
CREATE TABLE catalogue.history (
    version             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lineage             bigint NOT NULL,            -- the same for all versions of one dataset, whatever it was called
    dataset             bigint NOT NULL,            -- catalogue.dataset.id at that time
    since               timestamptz NOT NULL,
    until               timestamptz,                -- that of no later version: the table was dropped then
    file                text NOT NULL,
    layer               text,
    table_name          text NOT NULL,
    format              text NOT NULL,
    identity            text NOT NULL,
    commit              text NOT NULL,
    committed_at        timestamptz NOT NULL,
    author              text NOT NULL,
    rows                bigint NOT NULL,
    null_geometries     bigint,
    empty_geometries    bigint,
    invalid_geometries  bigint,
    geometry_type       text,
    geometry_types      text[] NOT NULL,
    crs                 text,
    bbox                double precision[],
    columns             jsonb NOT NULL,
    warnings            text[] NOT NULL,
    load_seconds        double precision NOT NULL,
    retired_at          timestamptz
);
CREATE INDEX ON catalogue.history (file, layer);
CREATE INDEX ON catalogue.history (table_name);
CREATE INDEX ON catalogue.history (lineage);
CREATE INDEX ON catalogue.history (dataset) WHERE until IS NULL;

GRANT SELECT ON catalogue.original_geometry, catalogue.history TO event_reader;

INSERT INTO catalogue.history (
    lineage, dataset, since, file, layer, table_name, format, identity, commit, committed_at, author, rows,
    null_geometries, empty_geometries, invalid_geometries, geometry_type, geometry_types, crs, bbox, columns,
    warnings, load_seconds, retired_at)
SELECT id, id, loaded_at, file, layer, table_name, format, identity, commit, committed_at, author, rows,
    null_geometries, empty_geometries, invalid_geometries, geometry_type, geometry_types, crs, bbox, columns,
    warnings, load_seconds, retired_at
FROM catalogue.dataset ORDER BY loaded_at, id;

RESET ROLE;

-- A row that takes up where another left off has that one's lineage: its file says so first, then its table.
CREATE FUNCTION catalogue.keep_history() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    line bigint;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE catalogue.history SET until = now() WHERE dataset = OLD.id AND until IS NULL RETURNING lineage INTO line;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    line := coalesce(
        line,
        (SELECT lineage FROM catalogue.history WHERE file = NEW.file AND layer IS NOT DISTINCT FROM NEW.layer
         ORDER BY version DESC LIMIT 1),
        (SELECT lineage FROM catalogue.history WHERE table_name = NEW.table_name ORDER BY version DESC LIMIT 1),
        NEW.id);
    INSERT INTO catalogue.history (
        lineage, dataset, since, file, layer, table_name, format, identity, commit, committed_at, author, rows,
        null_geometries, empty_geometries, invalid_geometries, geometry_type, geometry_types, crs, bbox, columns,
        warnings, load_seconds, retired_at)
    VALUES (
        line, NEW.id, now(), NEW.file, NEW.layer, NEW.table_name, NEW.format, NEW.identity, NEW.commit,
        NEW.committed_at, NEW.author, NEW.rows, NEW.null_geometries, NEW.empty_geometries, NEW.invalid_geometries,
        NEW.geometry_type, NEW.geometry_types, NEW.crs, NEW.bbox, NEW.columns, NEW.warnings, NEW.load_seconds,
        NEW.retired_at);
    RETURN NULL;
END $$;
CREATE TRIGGER keep_history AFTER INSERT OR DELETE ON catalogue.dataset
    FOR EACH ROW EXECUTE FUNCTION catalogue.keep_history();
CREATE TRIGGER keep_changes AFTER UPDATE OF file, layer, table_name, identity, commit, rows, columns, warnings,
    retired_at ON catalogue.dataset FOR EACH ROW EXECUTE FUNCTION catalogue.keep_history();

-- A volunteer's table may refer to rows of an event's table. To drop such a table, or its foreign key, locks
-- the event's table against everyone; who leaves that open is ended, who waits for it in front of others is
-- stopped. The loader calls this each second.
CREATE FUNCTION catalogue.unblock() RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    WITH waiting AS (
        SELECT DISTINCT w.relation, b.pid
        FROM pg_locks w
        JOIN pg_class c ON c.oid = w.relation AND c.relnamespace = 'data'::regnamespace
        CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b (pid)
        WHERE NOT w.granted AND w.waitstart < clock_timestamp() - interval '0.5 seconds'
          AND w.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ), guilty AS (
        SELECT l.pid, bool_or(l.granted) AS holds
        FROM waiting
        JOIN pg_locks l ON l.pid = waiting.pid AND l.relation = waiting.relation AND l.mode = 'AccessExclusiveLock'
        JOIN pg_stat_activity a ON a.pid = l.pid AND a.usename ^@ 'v_'
        GROUP BY l.pid
    )
    SELECT count(CASE WHEN holds THEN pg_terminate_backend(pid) ELSE pg_cancel_backend(pid) END) FROM guilty
$$;

GRANT REFERENCES ON ALL TABLES IN SCHEMA data TO volunteers;  -- later ones get it as they are loaded
