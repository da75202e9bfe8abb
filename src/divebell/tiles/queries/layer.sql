-- One relation with a geometry, and who may read it. $1: schema, $2: name.
SELECT c.oid::bigint AS oid,
       n.nspname::text AS schema,
       c.relname::text AS name,
       c.relkind::text AS kind,
       pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
       c.reltuples::bigint AS estimate,
       pg_catalog.concat_ws('.', c.oid, c.relfilenode) AS version,
       pg_catalog.concat_ws('.', pg_catalog.pg_stat_get_tuples_inserted(c.oid),
           pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid)) AS counters,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_catalog.pg_relation_size(c.oid) END AS bytes,
       pg_catalog.has_table_privilege('event_reader', c.oid, 'SELECT') AS shared,
       array(SELECT CASE r.grantee WHEN 0 THEN 'event_reader' ELSE pg_catalog.pg_get_userbyid(r.grantee)::text END
               FROM pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) r
              WHERE r.privilege_type = 'SELECT') AS readers,
       g.attname::text AS geometry,
       t.typname = 'geography' AS geography,
       CASE t.typname WHEN 'geometry' THEN public.postgis_typmod_type(g.atttypmod) ELSE 'Geometry' END AS type,
       CASE t.typname WHEN 'geometry' THEN public.postgis_typmod_srid(g.atttypmod) ELSE 4326 END AS srid,
       EXISTS (SELECT FROM pg_catalog.pg_index i
                WHERE i.indrelid = c.oid AND i.indisvalid AND i.indkey[0] = g.attnum AND i.indpred IS NULL) AS indexed,
       (SELECT k.attname::text
          FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
         WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
           AND k.attnotnull AND k.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
         ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1) AS key,
       a.names, a.types
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (
       SELECT p.attname, p.attnum, p.atttypid, p.atttypmod
         FROM pg_catalog.pg_attribute p JOIN pg_catalog.pg_type pt ON pt.oid = p.atttypid
        WHERE p.attrelid = c.oid AND p.attnum > 0 AND NOT p.attisdropped AND pt.typname IN ('geometry', 'geography')
          AND pt.typnamespace = 'public'::regnamespace
        ORDER BY p.attname <> 'geom', p.attnum LIMIT 1) g
  JOIN pg_catalog.pg_type t ON t.oid = g.atttypid
  CROSS JOIN LATERAL (
       SELECT pg_catalog.array_agg(p.attname::text ORDER BY p.attnum) AS names,
              pg_catalog.array_agg(pg_catalog.format_type(p.atttypid, NULL) ORDER BY p.attnum) AS types
         FROM pg_catalog.pg_attribute p JOIN pg_catalog.pg_type pt ON pt.oid = p.atttypid
        WHERE p.attrelid = c.oid AND p.attnum > 0 AND NOT p.attisdropped
          AND pt.typname NOT IN ('geometry', 'geography')) a
 WHERE n.nspname = $1 AND c.relname = $2
   AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND c.relpersistence <> 't'
   AND (n.nspname = 'data' OR n.nspname LIKE 'v\_%')
   AND pg_catalog.has_schema_privilege('event_reader', n.oid, 'USAGE')
