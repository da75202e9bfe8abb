-- What each role may do. Runs at every start, in one transaction, and always ends in the same state.

-- The roles themselves. On PostgreSQL 15 CREATEROLE is as good as superuser: nobody has it.
ALTER ROLE event_owner  NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD NULL;
ALTER ROLE event_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD NULL;
ALTER ROLE volunteers   NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD NULL;
ALTER ROLE event_hub    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10;
ALTER ROLE event_loader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 10;
ALTER ROLE event_web    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 15;
ALTER ROLE event_tiles  LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 15;
ALTER ROLE event_watchdog LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 4;
-- It can read every table. Views are refused on its connections, so that it never runs what a volunteer wrote; the
-- portal's role has its rights only where it says so (SET ROLE).
ALTER ROLE event_drafts NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD NULL;
ALTER ROLE event_web NOINHERIT;
GRANT pg_read_all_data TO event_drafts;
GRANT event_drafts TO event_web;
GRANT event_owner TO event_loader;
GRANT event_reader TO volunteers, event_tiles;
GRANT pg_signal_backend, pg_read_all_stats TO event_watchdog;
DO $$
BEGIN
    IF pg_has_role('event_web', 'event_reader', 'MEMBER') THEN  -- until 0.1.0 the portal drew the maps
        REVOKE event_reader FROM event_web;
    END IF;
END $$;

ALTER ROLE event_loader IN DATABASE event SET role = 'event_owner';  -- what it makes belongs to the event
ALTER ROLE event_loader SET search_path = data, public;
ALTER ROLE event_loader SET lock_timeout = '10s';
ALTER ROLE event_hub SET search_path = pg_catalog;
ALTER ROLE event_hub SET statement_timeout = '10s';
ALTER ROLE event_web SET search_path = data, public;
ALTER ROLE event_web SET default_transaction_read_only = on;  -- to write: BEGIN READ WRITE
ALTER ROLE event_web SET statement_timeout = '5s';
ALTER ROLE event_web SET row_security = off;
ALTER ROLE event_tiles SET search_path = data, public;
ALTER ROLE event_tiles SET default_transaction_read_only = on;
ALTER ROLE event_tiles SET statement_timeout = '5s';
ALTER ROLE event_tiles SET lock_timeout = '2s';
ALTER ROLE event_tiles SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE event_tiles SET row_security = off;                -- a volunteer's policy must not run code as us
ALTER ROLE event_watchdog SET search_path = pg_catalog;
ALTER ROLE event_watchdog SET statement_timeout = '10min';
ALTER ROLE postgres SET row_security = off;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind') THEN  -- from 15.8
        ALTER ROLE event_loader SET restrict_nonsystem_relation_kind = 'foreign-table';
        ALTER ROLE postgres SET restrict_nonsystem_relation_kind = 'view, foreign-table';
    END IF;
END $$;

-- Databases
REVOKE ALL ON DATABASE event, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE event TO event_reader, event_hub, event_loader, event_web, event_watchdog;
GRANT TEMPORARY ON DATABASE event TO volunteers, event_owner;
GRANT CREATE ON TABLESPACE scratch TO volunteers;

-- Schemas
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
REVOKE ALL ON SCHEMA divebell FROM PUBLIC;
GRANT USAGE ON SCHEMA data TO event_reader;
GRANT USAGE ON SCHEMA catalogue TO event_web;
GRANT SELECT ON catalogue.dataset, catalogue.history, catalogue.failure, catalogue.loader TO event_web;
GRANT USAGE ON SCHEMA watch TO volunteers, event_web, event_watchdog;
GRANT SELECT ON watch.mine TO volunteers;
GRANT SELECT ON watch.intervention, watch.heartbeat TO event_web;
GRANT SELECT, INSERT ON watch.intervention TO event_watchdog;
GRANT UPDATE (times, last_at) ON watch.intervention TO event_watchdog;
GRANT SELECT, UPDATE ON watch.heartbeat TO event_watchdog;
GRANT SELECT ON watch.limits TO event_watchdog;
REVOKE EXECUTE ON FUNCTION watch.outside, watch.tidy FROM PUBLIC;
GRANT EXECUTE ON FUNCTION watch.outside, watch.tidy TO event_watchdog;
GRANT USAGE ON SCHEMA following TO event_web;
GRANT SELECT ON following.hint, following.branch, following.pass TO event_web;
REVOKE EXECUTE ON FUNCTION following.hear FROM PUBLIC;
GRANT EXECUTE ON FUNCTION following.hear TO event_web;
GRANT USAGE ON SCHEMA tokens TO volunteers, event_web;
GRANT SELECT ON tokens.mine TO volunteers;
GRANT SELECT ON tokens.known TO event_web;
GRANT DELETE, UPDATE (used_at), SELECT (id, name) ON tokens.token TO event_web;
REVOKE EXECUTE ON ROUTINE tokens.expiry, tokens.add, tokens.make, tokens.revoke FROM PUBLIC;
GRANT EXECUTE ON ROUTINE tokens.expiry TO event_owner, event_web, volunteers;
GRANT EXECUTE ON ROUTINE tokens.add TO event_owner, event_web;
GRANT EXECUTE ON ROUTINE tokens.make, tokens.revoke TO volunteers;
GRANT USAGE ON SCHEMA shared TO event_web;
GRANT SELECT ON shared.work, shared.version, shared.gallery TO event_web;
REVOKE EXECUTE ON ROUTINE shared.add, shared.take_back, shared.keep_page, shared.announce FROM PUBLIC;
GRANT EXECUTE ON ROUTINE shared.add, shared.take_back, shared.keep_page TO event_web;
GRANT USAGE ON SCHEMA branches TO event_web;
GRANT SELECT ON branches.branch TO event_web;
GRANT SELECT (id, answer), DELETE ON branches.push TO event_web;
REVOKE EXECUTE ON FUNCTION branches.ask FROM PUBLIC;
GRANT EXECUTE ON FUNCTION branches.ask TO event_web;
GRANT USAGE ON SCHEMA copies TO volunteers, event_web;
GRANT SELECT ON copies.state TO event_web;
REVOKE EXECUTE ON ROUTINE copies.tell FROM PUBLIC;
GRANT EXECUTE ON ROUTINE copies.tell TO volunteers;
-- To PUBLIC, because a volunteer's DROP OWNED BY event_reader would take away a default given to that role.
-- It goes no further than the schema, which is open to event_reader alone.
ALTER DEFAULT PRIVILEGES FOR ROLE event_owner IN SCHEMA data GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE event_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT SELECT, INSERT ON public.spatial_ref_sys TO event_owner;  -- for a CRS that no authority has numbered
GRANT EXECUTE ON PROCEDURE public.provision TO event_hub;

-- A shared view runs the functions in it as its reader. So nobody may define functions, and those that
-- change or fetch things by name are taken away. So are those that exhaust what all databases share, and
-- those of PostGIS that tell where the points of a table lie without asking whether one may read it.
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION catalogue.announce, catalogue.keep_history, catalogue.unblock FROM PUBLIC;
GRANT EXECUTE ON FUNCTION catalogue.unblock TO event_owner;
DO $$
DECLARE
    taken regprocedure;
BEGIN
    FOR taken IN
        SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE (n.nspname = 'public' AND lower(p.proname) ~ ('^(dropgeometry(table|column)|addgeometrycolumn'
            '|updategeometrysrid|populate_geometry_columns|postgis_extensions_upgrade|(un)?lockrows?|addauth'
            '|checkauth.*|(en|dis)ablelongtransactions|longtransactionsenabled'
            '|st_estimatedextent|_postgis_(stats|selectivity|join_selectivity|index_extent))$'))
        OR (n.nspname = 'pg_catalog' AND p.proname ~ ('^(pg_(try_)?advisory_.*|lo_(creat|create|from_bytea|put'
            '|import|export|unlink)|lowrite|pg_notify|(query|cursor|table|schema|database)_to_xml.*'
            '|pg_logical_emit_message|pg_export_snapshot|pg_(terminate|cancel)_backend)$'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', taken);
        IF taken::text ~ 'advisory' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO event_owner, event_hub', taken);
        ELSIF taken::text ~ 'pg_(terminate|cancel)_backend' THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO event_watchdog', taken);
        END IF;
    END LOOP;
END $$;
