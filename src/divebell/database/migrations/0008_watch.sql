-- What the watchdog does, where those concerned see it. It acts as event_watchdog, which can read nothing else.
CREATE SCHEMA watch;

CREATE TABLE watch.intervention (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now(),
    last_at  timestamptz NOT NULL DEFAULT now(),
    times    integer NOT NULL DEFAULT 1,   -- the same again and again within a minute is one row
    role     text NOT NULL,                -- whose session it was
    what     text NOT NULL,                -- query | idle transaction | locks | blocking | outside | disk | memory
    "limit"  text NOT NULL,
    detail   text NOT NULL,                -- what was done, in words for the person concerned
    query    text NOT NULL                 -- how the statement began, at most 200 characters
);
CREATE INDEX ON watch.intervention (role, last_at);

-- What happened to whoever asks.
CREATE VIEW watch.mine WITH (security_barrier) AS
    SELECT at, last_at, times, what, "limit", detail, query FROM watch.intervention WHERE role = session_user;

-- One row: that the watchdog is there. Older than ten seconds means it is away.
CREATE TABLE watch.heartbeat (
    single  boolean PRIMARY KEY DEFAULT true CHECK (single),
    at      timestamptz NOT NULL DEFAULT now(),
    detail  text NOT NULL DEFAULT 'starting'
);
INSERT INTO watch.heartbeat DEFAULT VALUES;

CREATE VIEW watch.limits AS SELECT query_seconds, idle_seconds, locks FROM divebell.limits;

-- Sessions of volunteers that write outside the space for their tables, and what.
CREATE FUNCTION watch.outside() RETURNS TABLE (pid integer, what text) LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    WITH session AS (
        SELECT a.pid, coalesce(a.leader_pid, a.pid) AS leader, a.usesysid, a.query
        FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
        WHERE NOT r.rolsuper AND pg_has_role(r.oid, 'volunteers', 'MEMBER')
    ), here AS (
        SELECT oid FROM pg_database WHERE datname = current_database()
    ), held AS (
        SELECT l.pid, l.relation, l.mode, split_part(l.virtualtransaction, '/', 1) AS backend
        FROM pg_locks l, here WHERE l.locktype = 'relation' AND l.database = here.oid AND l.granted
          AND l.pid IN (SELECT pid FROM session)
    )
    SELECT s.leader, 'temporary files' FROM session s
    JOIN (SELECT substring(f.name FROM '^pgsql_tmp(\d+)')::integer AS pid
          FROM pg_ls_dir('base/pgsql_tmp', true, false) AS f (name)) t ON t.pid = s.pid
    UNION
    -- not committed yet, so that nobody sees the relation; its file is there
    SELECT h.pid, 'a new table' FROM held h, here
    WHERE h.mode = 'AccessExclusiveLock' AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = h.relation)
      AND EXISTS (SELECT FROM unnest(ARRAY[h.relation::text, 't' || h.backend || '_' || h.relation]) AS n (name)
                  WHERE (pg_stat_file('base/' || here.oid || '/' || n.name, true)).size > 0)
    UNION
    SELECT h.pid, k.name FROM held h JOIN divebell.strays() k ON k.relation = h.relation
    WHERE NOT EXISTS (SELECT FROM divebell.outside o WHERE o.relation = k.relation)
      AND h.mode NOT IN ('AccessShareLock', 'RowShareLock')
    UNION
    -- a temporary table is nobody else's to move
    SELECT s.leader, k.name FROM session s JOIN divebell.strays() k ON k.persistence = 't' AND k.owner = s.usesysid
    UNION
    SELECT s.leader, 'an index' FROM session s JOIN pg_stat_progress_create_index p ON p.pid = s.pid
    WHERE p.command LIKE 'REINDEX%' AND s.query ~* 'tablespace'
$$;

-- Bring back what was put outside.
CREATE FUNCTION watch.tidy() RETURNS TABLE (role text, relation text, outcome text) LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$ SELECT * FROM divebell.move_strays(old => false) $$;
