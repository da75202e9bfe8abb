-- Tables and views that volunteers let everyone read. The geometry column is the one a map would show.
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       pg_catalog.pg_get_userbyid(c.relowner)::text AS owner, c.reltuples::bigint AS estimate,
       (SELECT public.postgis_typmod_type(a.atttypmod)
          FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND t.typname IN ('geometry', 'geography')
         ORDER BY a.attname <> 'geom', a.attnum LIMIT 1) AS geometry_type
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname LIKE 'v\_%'
   AND pg_catalog.has_schema_privilege('event_reader', n.oid, 'USAGE')
   AND pg_catalog.has_table_privilege('event_reader', c.oid, 'SELECT')
 ORDER BY n.nspname, c.relname
