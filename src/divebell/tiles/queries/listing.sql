-- Every relation with a geometry, and who may read it; cheap enough for ten thousand of them each second.
SELECT n.nspname::text AS schema,
       c.relname::text AS name,
       c.relkind::text AS kind,
       pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
       c.reltuples::bigint AS estimate,
       pg_catalog.concat_ws('.', c.oid, c.relfilenode, pg_catalog.pg_stat_get_tuples_inserted(c.oid),
           pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid)) AS version,
       pg_catalog.has_table_privilege('event_reader', c.oid, 'SELECT') AS shared,
       array(SELECT CASE r.grantee WHEN 0 THEN 'event_reader' ELSE pg_catalog.pg_get_userbyid(r.grantee)::text END
               FROM pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) r
              WHERE r.privilege_type = 'SELECT') AS readers,
       CASE g.name WHEN 'geometry' THEN public.postgis_typmod_type(g.typmod) ELSE 'Geometry' END AS type
  FROM (SELECT DISTINCT ON (p.attrelid) p.attrelid, p.atttypmod AS typmod, t.typname AS name
          FROM pg_catalog.pg_attribute p JOIN pg_catalog.pg_type t ON t.oid = p.atttypid
         WHERE t.typname IN ('geometry', 'geography') AND t.typnamespace = 'public'::regnamespace
           AND p.attnum > 0 AND NOT p.attisdropped
         ORDER BY p.attrelid, p.attname <> 'geom', p.attnum) g
  JOIN pg_catalog.pg_class c ON c.oid = g.attrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.relpersistence <> 't'
   AND (n.nspname = 'data' OR n.nspname LIKE 'v\_%')
   AND pg_catalog.has_schema_privilege('event_reader', n.oid, 'USAGE')
 ORDER BY n.nspname <> 'data', n.nspname, c.relname
