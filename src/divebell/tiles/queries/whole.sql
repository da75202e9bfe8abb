-- A tile of every feature. $1-$4: the box in the layer's own coordinates; $5-$7: z, x, y.
WITH f AS MATERIALIZED (
       SELECT {attributes},
              ST_AsMVTGeom(ST_Transform({shape}, 3857), ST_TileEnvelope($5::int, $6::int, $7::int),
                           {extent}, {buffer}, true) AS geom
         FROM {t} t
        WHERE {g} && {box})
SELECT ST_AsMVT(f, {name}, {extent}, 'geom'{id_column}) FROM f WHERE geom IS NOT NULL
