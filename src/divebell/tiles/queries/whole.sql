-- A tile of every feature, and how many rows its box holds: one more than a tile may carry, where there are more.
WITH f AS MATERIALIZED (
       SELECT {attributes}{shape} AS geom
         FROM {t} t
        WHERE {g} && {box}{wanted}
        LIMIT {most})
SELECT ST_AsMVT(f, {name}, {extent}, 'geom'{id_column}) FILTER (WHERE geom IS NOT NULL) AS tile, count(*) AS rows FROM f
