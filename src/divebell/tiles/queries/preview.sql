-- Shapes as SVG paths in pixels, of a share of the rows. `left` and `top` are the picture's, in metres; `pixels` a metre.
WITH chosen AS (
       SELECT {shape} AS g FROM {t} t
        WHERE {g} && {box} AND ({share} >= 1 OR random() < {share})
        ORDER BY random() LIMIT {most}),
     pixels AS MATERIALIZED (
       SELECT ST_Affine(ST_Force2D(ST_Transform(g, 3857)), {pixels}, 0, 0, {pixels},
                        -{left} * {pixels}, -{top} * {pixels}) AS g
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
