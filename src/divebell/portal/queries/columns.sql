-- The columns of one relation that everyone may read. $1: schema, $2: name.
SELECT a.attname::text AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       t.typname IN ('geometry', 'geography') AS spatial
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
   AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND (n.nspname = 'data' OR n.nspname LIKE 'v\_%')
   AND pg_catalog.has_schema_privilege('event_reader', n.oid, 'USAGE')
   AND pg_catalog.has_table_privilege('event_reader', c.oid, 'SELECT')
 ORDER BY a.attnum
