-- What every session of a volunteer is doing. Columns: the fields of rules.Session that the database knows.
WITH held AS (
    SELECT pid, count(*) AS locks FROM pg_locks WHERE granted GROUP BY pid
), blocked AS (
    SELECT DISTINCT ON (b.pid) b.pid, s.usename::text AS service
    FROM pg_stat_activity s
    JOIN pg_roles r ON r.oid = s.usesysid AND (r.rolsuper OR r.rolname ^@ 'event_')
    CROSS JOIN LATERAL unnest(pg_blocking_pids(s.pid)) AS b (pid)
    WHERE s.wait_event_type = 'Lock'
    ORDER BY b.pid, s.usename = 'event_hub' DESC
), outside AS (
    SELECT pid, string_agg(what, ', ' ORDER BY what) AS what FROM watch.outside() GROUP BY pid
)
SELECT a.pid, a.backend_start AS started, a.usename::text AS role, coalesce(a.state, '') AS state,
       left(coalesce(a.query, ''), 200) AS query, a.query_start,
       coalesce(extract(epoch FROM clock_timestamp() - a.query_start), 0)::float8 AS query_seconds,
       coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0)::float8 AS state_seconds,
       coalesce(held.locks, 0)::integer AS locks, a.backend_xid IS NOT NULL AS writes,
       blocked.service AS blocks, outside.what AS outside
FROM pg_stat_activity a
JOIN pg_roles r ON r.oid = a.usesysid
LEFT JOIN held ON held.pid = a.pid
LEFT JOIN blocked ON blocked.pid = a.pid
LEFT JOIN outside ON outside.pid = a.pid
WHERE a.backend_type = 'client backend' AND NOT r.rolsuper AND pg_has_role(a.usesysid, 'volunteers', 'MEMBER')
