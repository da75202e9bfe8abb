-- What has been written to the tables beneath a view, or the partitions of a table. $1: its oid.
WITH RECURSIVE beneath (relation) AS (
       SELECT $1::oid
       UNION
       SELECT other.relation
         FROM beneath b
        CROSS JOIN LATERAL (
              SELECT d.refobjid
                FROM pg_catalog.pg_rewrite r
                JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
               WHERE r.ev_class = b.relation AND d.refclassid = 'pg_catalog.pg_class'::regclass
              UNION
              SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = b.relation) other (relation))
SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws('.', c.oid, c.relfilenode,
           pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid),
           pg_catalog.pg_stat_get_tuples_deleted(c.oid)), ' ' ORDER BY c.oid))
  FROM beneath JOIN pg_catalog.pg_class c ON c.oid = beneath.relation
