-- A tile of cells. Each row belongs to the cell that the middle of its box lies in. `columns` and `rows` are the cells'
-- bounds in the layer's own coordinates; bucket 0 and the last are outside. The inner OFFSET 0 keeps each coordinate from
-- being read several times a row.
WITH small AS MATERIALIZED (
       SELECT pg_catalog.width_bucket(cy, {rows}) * 512
                + pg_catalog.width_bucket(CASE WHEN cx = {edge} THEN {last} ELSE cx END, {columns}) AS cell{category},
              count(*) AS n, sum(cx) AS sx, sum(cy) AS sy{gathered}
         FROM (SELECT {x} AS cx, {y} AS cy{values} FROM {t} t WHERE {where} OFFSET 0) place
        GROUP BY 1{category}),
     cell AS MATERIALIZED (
       SELECT cell % 512 - 1 AS c, {grid} - cell / 512 AS r, sum(n)::int AS count,
              sum(sx) / sum(n) AS cx, sum(sy) / sum(n) AS cy{merged}
         FROM small WHERE cell % 512 BETWEEN 1 AND {grid} AND cell / 512 BETWEEN 1 AND {grid} GROUP BY cell),
     f AS (
       SELECT {no_id}count{carried}, ST_MakePoint(
                  greatest(c * {step}, least(c * {step} + {step} - 1, floor(({u} - {tile_x}) * {extent}))),
                  greatest(r * {step}, least(r * {step} + {step} - 1, floor(({v} - {tile_y}) * {extent})))) AS geom
         FROM cell{large})
SELECT ST_AsMVT(f, {name}, {extent}, 'geom'{id_column}) AS tile, count(*) FILTER (WHERE f.count IS NULL) AS large
  FROM f WHERE geom IS NOT NULL
