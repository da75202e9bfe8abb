-- A column's values by how many rows have them. $1: how many to list.
WITH found AS MATERIALIZED (
       SELECT {value} AS value, count(*) AS n FROM {t} t {take} WHERE {g} IS NOT NULL GROUP BY 1),
     first AS MATERIALIZED (
       SELECT value, n FROM found WHERE value IS NOT NULL ORDER BY n DESC, value LIMIT $1::int)
SELECT (SELECT array_agg(value ORDER BY n DESC, value) FROM first) AS values,
       (SELECT array_agg(n ORDER BY n DESC, value) FROM first) AS counts,
       sum(n) FILTER (WHERE value IS NOT NULL)::bigint AS present,
       count(value) AS distinct_values,
       sum(n) FILTER (WHERE value IS NULL)::bigint AS missing
  FROM found
