SELECT count(*) FILTER (WHERE geom IS NULL),
       count(*) FILTER (WHERE ST_IsEmpty(geom)),
       min(ST_XMin(geom)) FILTER (WHERE inside), min(ST_YMin(geom)) FILTER (WHERE inside),
       max(ST_XMax(geom)) FILTER (WHERE inside), max(ST_YMax(geom)) FILTER (WHERE inside),
       count(*) FILTER (WHERE NOT ST_IsEmpty(geom) AND NOT inside)
FROM (
    SELECT geom,
           coalesce(ST_XMin(geom) >= -%(x)s AND ST_XMax(geom) <= %(x)s
                    AND ST_YMin(geom) >= -%(y)s AND ST_YMax(geom) <= %(y)s, false) AS inside
    FROM {table}
) AS rows
