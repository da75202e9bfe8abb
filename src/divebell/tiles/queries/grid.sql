-- A tile of counts and means. $1-$4: the box in the layer's own coordinates; $5-$7: z, x, y; $8, $9: the size of a
-- small cell in those coordinates. Rows are gathered into small cells first, so that only their means are projected.
-- Small cells are the same for every tile of a zoom and lie wholly in the box where they touch the tile: each row
-- counts in exactly one tile.
WITH small AS MATERIALIZED (
       SELECT count(*) AS n, count(value) AS valued, sum(value) AS total, avg(cx) AS cx, avg(cy) AS cy
         FROM (SELECT {value} AS value, {x} AS cx, {y} AS cy FROM {t} t WHERE {g} && {box}) place
        GROUP BY floor(cx / $8::float8), floor(cy / $9::float8)),
     spot AS MATERIALIZED (
       SELECT n, valued, total, {u} - $6::int AS u, {v} - $7::int AS v FROM small {source}),
     cell AS (
       SELECT sum(n)::int AS count, sum(total) / nullif(sum(valued), 0) AS value,
              ST_MakePoint(floor(sum(u * n) / sum(n) * {extent}), floor(sum(v * n) / sum(n) * {extent})) AS geom
         FROM spot WHERE u >= 0 AND u < 1 AND v >= 0 AND v < 1
        GROUP BY floor(u * {cells}), floor(v * {cells}))
SELECT ST_AsMVT(cell, {name}, {extent}, 'geom') FROM cell
