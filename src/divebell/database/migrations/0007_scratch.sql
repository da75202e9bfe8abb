-- Volunteers' tables, indexes and temporary files lie in the tablespace `scratch`, which has a disk of its own.

-- Relations of an earlier version that lay elsewhere and have not been moved: there may not be room for them.
CREATE TABLE divebell.outside (relation oid PRIMARY KEY);

CREATE FUNCTION divebell.is_volunteer(who name) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = who AND NOT rolsuper AND pg_has_role(oid, 'volunteers', 'MEMBER'))
$$;

-- Whatever belongs to volunteers and lies outside. Sequences cannot be moved; they are one page each.
CREATE FUNCTION divebell.strays() RETURNS TABLE (relation oid, kind "char", persistence "char", owner oid, name text)
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.oid, c.relkind, c.relpersistence, c.relowner, c.oid::regclass::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm', 'i') AND NOT n.nspname ^@ 'pg_toast'  -- those follow their table
      AND c.relowner IN (SELECT oid FROM pg_roles WHERE rolname = 'event_reader'
                         OR NOT rolsuper AND pg_has_role(oid, 'volunteers', 'MEMBER'))
      AND c.reltablespace <> (SELECT t.oid FROM pg_tablespace t WHERE t.spcname = 'scratch')
$$;

INSERT INTO divebell.outside SELECT relation FROM divebell.strays();

CREATE FUNCTION divebell.ddl_begins() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF divebell.is_volunteer(session_user) THEN
        PERFORM set_config('default_tablespace', 'scratch', false), set_config('temp_tablespaces', 'scratch', false);
    END IF;
END $$;

CREATE FUNCTION divebell.ddl_ends() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    stray text;
BEGIN
    IF tg_tag LIKE 'DROP %' OR NOT divebell.is_volunteer(session_user) THEN
        RETURN;
    END IF;
    SELECT s.name INTO stray FROM divebell.strays() s
    WHERE pg_has_role(session_user, s.owner, 'MEMBER')
      AND NOT EXISTS (SELECT FROM divebell.outside o WHERE o.relation = s.relation) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% would lie outside the space for volunteers'' tables', stray
            USING ERRCODE = 'insufficient_privilege', HINT = 'Leave TABLESPACE away: the right one is chosen for you.';
    END IF;
END $$;

CREATE EVENT TRIGGER divebell_ddl_begins ON ddl_command_start EXECUTE FUNCTION divebell.ddl_begins();
CREATE EVENT TRIGGER divebell_ddl_ends ON ddl_command_end EXECUTE FUNCTION divebell.ddl_ends();

-- Move what lies outside; give what became of each. `old`: only what was there before there was a tablespace.
-- Event triggers do not see EXPLAIN ANALYZE CREATE TABLE … AS, nor REINDEX (before PostgreSQL 17). What was put
-- outside on such a way and for which there is no room is dropped: it would fill the disk that everybody needs.
CREATE FUNCTION divebell.move_strays(old boolean) RETURNS TABLE (role text, relation text, outcome text)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    stray record;
    kind text;
BEGIN
    FOR stray IN
        SELECT s.* FROM divebell.strays() s LEFT JOIN divebell.outside o ON o.relation = s.relation
        WHERE (o.relation IS NOT NULL) = old AND s.persistence <> 't'
    LOOP
        kind := CASE stray.kind WHEN 'r' THEN 'TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'INDEX' END;
        role := pg_get_userbyid(stray.owner);
        relation := stray.name;
        BEGIN
            EXECUTE format('ALTER %s %s SET TABLESPACE scratch', kind, stray.name);
            outcome := 'moved';
            DELETE FROM divebell.outside o WHERE o.relation = stray.relation;
        EXCEPTION
            WHEN lock_not_available OR undefined_table OR undefined_object THEN
                CONTINUE;
            WHEN disk_full THEN
                outcome := 'no room';
        END;
        IF outcome = 'no room' AND NOT old THEN
            BEGIN
                EXECUTE format('DROP %s %s CASCADE', kind, stray.name);
                outcome := 'dropped';
            EXCEPTION WHEN OTHERS THEN  -- an index that a constraint needs, a lock
                CONTINUE;
            END;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
