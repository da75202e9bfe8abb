-- The tables made from a GeoTIFF, and what is known of drawing them.
SELECT d.table_name, d.file, d.identity, r.version
  FROM catalogue.dataset d LEFT JOIN catalogue.raster r USING (table_name)
 WHERE d.format = 'GeoTIFF' AND d.retired_at IS NULL
 ORDER BY d.table_name
