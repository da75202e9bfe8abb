-- A tile of counts and means. $1-$4: the box in the layer's own coordinates; $5-$7: z, x, y.
-- Each row counts in exactly one tile: where the middle of its box lies, borders half open.
WITH place AS (
       SELECT {value} AS value, (ST_XMin({g}) + ST_XMax({g})) / 2 AS cx, (ST_YMin({g}) + ST_YMax({g})) / 2 AS cy
         FROM {t} t WHERE {g} && {box}),
     spot AS (SELECT value, {u} AS u, {v} AS v FROM place {source}),
     inside AS (
       SELECT value, u - $6::int AS u, v - $7::int AS v FROM spot
        WHERE u >= $6::int AND u < $6::int + 1 AND v >= $7::int AND v < $7::int + 1),
     cell AS (
       SELECT count(*)::int AS count, avg(value) AS value,
              ST_MakePoint(floor(avg(u) * {extent}), floor(avg(v) * {extent})) AS geom
         FROM inside GROUP BY floor(u * {cells}), floor(v * {cells}))
SELECT ST_AsMVT(cell, {name}, {extent}, 'geom') FROM cell
