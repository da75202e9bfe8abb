-- Where rows lie and how large they are, in their own coordinates: of a share of them.
SELECT array_agg(x) AS x, array_agg(y) AS y, array_agg(size) AS size
  FROM (SELECT {x} AS x, {y} AS y,
               greatest(ST_XMax({g}) - ST_XMin({g}), ST_YMax({g}) - ST_YMin({g})) AS size
          FROM {t} t {take}) few
 WHERE x > -1e9 AND x < 1e9 AND y > -1e9 AND y < 1e9
