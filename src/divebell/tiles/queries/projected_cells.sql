-- A tile of cells of a projected layer. Rows are gathered into small groups first, so that only their means are projected.
-- Groups are the same for every tile of a zoom and lie wholly in the box where they touch the tile: each row counts in
-- exactly one tile.
WITH small AS MATERIALIZED (
       SELECT floor(cx / {width}) AS kx, floor(cy / {height}) AS ky{category},
              count(*) AS n, avg(cx) AS cx, avg(cy) AS cy{gathered}
         FROM (SELECT {x} AS cx, {y} AS cy{values} FROM {t} t WHERE {where} OFFSET 0) place
        GROUP BY 1, 2{category}),
     mean AS MATERIALIZED (
       SELECT kx, ky, sum(cx * n) / sum(n) AS cx, sum(cy * n) / sum(n) AS cy FROM small GROUP BY kx, ky),
     spot AS MATERIALIZED (
       SELECT kx, ky, {u} - {tile_x} AS u, {v} - {tile_y} AS v
         FROM mean, LATERAL ST_Transform(ST_SetSRID(ST_MakePoint(cx, cy), {srid}), 3857) m),
     placed AS MATERIALIZED (
       SELECT floor(u * {grid}) * 512 + floor(v * {grid}) AS cell, u, v, small.* FROM small JOIN spot USING (kx, ky)
        WHERE u >= 0 AND u < 1 AND v >= 0 AND v < 1),
     cell AS MATERIALIZED (
       SELECT sum(n)::int AS count, floor(sum(u * n) / sum(n) * {extent}) AS px,
              floor(sum(v * n) / sum(n) * {extent}) AS py{merged}
         FROM (SELECT cell, u, v, n{merging} FROM placed) placed GROUP BY cell),
     f AS (SELECT {no_id}count{carried}, ST_MakePoint(px, py) AS geom FROM cell{large})
SELECT ST_AsMVT(f, {name}, {extent}, 'geom'{id_column}) AS tile, count(*) FILTER (WHERE f.count IS NULL) AS large
  FROM f WHERE geom IS NOT NULL
