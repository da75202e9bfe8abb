-- What a layer's rows are: all of them where they are few.
WITH few AS MATERIALIZED (SELECT {g} AS g FROM {t} t {take}),
     boxed AS MATERIALIZED (
       SELECT ST_SRID(g) AS srid, substr(ST_GeometryType(g), 4) AS type, ST_IsEmpty(g) AS empty,
              g @ {degrees} AND number AS in_degrees, g @ {metres} AND number AS in_metres,
              ST_XMin(g) AS w, ST_YMin(g) AS s, ST_XMax(g) AS e, ST_YMax(g) AS n
         FROM few, LATERAL (SELECT greatest(ST_XMin(g), ST_YMin(g), ST_XMax(g), ST_YMax(g)) <> 'NaN' AS number) n
        WHERE g IS NOT NULL)
SELECT (SELECT count(*) FROM few) AS rows,
       count(*) AS geometries,
       count(*) FILTER (WHERE empty) AS empty,
       count(*) FILTER (WHERE in_degrees) AS in_degrees,
       count(*) FILTER (WHERE in_metres) AS in_metres,
       array_agg(DISTINCT srid) AS srids,
       (SELECT array_agg(type ORDER BY n DESC) FROM (SELECT type, count(*) AS n FROM boxed GROUP BY type) k) AS types,
       ARRAY[percentile_disc(0.02) WITHIN GROUP (ORDER BY w / 2 + e / 2) FILTER (WHERE NOT empty AND in_metres),
             percentile_disc(0.02) WITHIN GROUP (ORDER BY s / 2 + n / 2) FILTER (WHERE NOT empty AND in_metres),
             percentile_disc(0.98) WITHIN GROUP (ORDER BY w / 2 + e / 2) FILTER (WHERE NOT empty AND in_metres),
             percentile_disc(0.98) WITHIN GROUP (ORDER BY s / 2 + n / 2) FILTER (WHERE NOT empty AND in_metres)] AS middle,
       ARRAY[min(w) FILTER (WHERE in_degrees), min(s) FILTER (WHERE in_degrees),
             max(e) FILTER (WHERE in_degrees), max(n) FILTER (WHERE in_degrees)] AS sane_degrees,
       ARRAY[min(w) FILTER (WHERE in_metres), min(s) FILTER (WHERE in_metres),
             max(e) FILTER (WHERE in_metres), max(n) FILTER (WHERE in_metres)] AS sane_metres
  FROM boxed
