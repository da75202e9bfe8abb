-- Shapes as SVG paths in pixels. $1-$4: the filter's box; $5: the picture's west, $6: its north,
-- in metres; $7: pixels a metre; $8: the share of rows.
WITH chosen AS (
       SELECT {shape} AS g FROM {t} t
        WHERE {g} && {box} AND ($8::float8 >= 1 OR random() < $8::float8)
        ORDER BY random() LIMIT {most}),
     pixels AS MATERIALIZED (
       SELECT ST_Affine(ST_Force2D(ST_Transform(g, 3857)), $7::float8, 0, 0, $7::float8,
                        -$5::float8 * $7::float8, -$6::float8 * $7::float8) AS g
         FROM chosen WHERE NOT ST_IsEmpty(g)),
     simple AS MATERIALIZED (
       SELECT CASE WHEN ST_Dimension(g) = 0 OR greatest(ST_XMax(g) - ST_XMin(g), ST_YMax(g) - ST_YMin(g)) < 1.5
                   THEN ST_StartPoint(ST_BoundingDiagonal(g))
                   ELSE ST_CollectionExtract(ST_Simplify(g, 0.4), ST_Dimension(g) + 1) END AS g
         FROM pixels)
SELECT DISTINCT ST_Dimension(g) AS dimension,
       CASE ST_Dimension(g)
         WHEN 0 THEN 'M' || round(ST_X(g)::numeric, 1) || ' ' || round(-ST_Y(g)::numeric, 1) || 'h0'
         ELSE ST_AsSVG(g, 1, 1) END AS path
  FROM simple WHERE NOT ST_IsEmpty(g)
