-- The datasets of a commit when its pass had finished, or now while it goes on. $1: following.pass.id.
SELECT h.file, h.layer, h.table_name AS table, h.rows, h.warnings, NULL::text AS error, h.since >= p.started_at AS changed
  FROM following.pass p
  JOIN catalogue.history h ON h.since <= coalesce(p.finished_at, now())
   AND (h.until IS NULL OR h.until > coalesce(p.finished_at, now())) AND h.retired_at IS NULL
 WHERE p.id = $1
UNION ALL
SELECT f.file, NULL, NULL, NULL, '{}', f.error, f.changed
  FROM following.pass p, jsonb_to_recordset(p.failures) AS f (file text, error text, changed boolean)
 WHERE p.id = $1
UNION ALL
SELECT f.file, NULL, NULL, NULL, '{}', f.reason, f.failed_at >= p.started_at
  FROM following.pass p, catalogue.failure f
 WHERE p.id = $1 AND p.finished_at IS NULL
 ORDER BY file, layer NULLS FIRST
