-- Features in the order of their ids.
SELECT {id} AS id, (SELECT row_to_json(p) FROM (SELECT {fields}) p)::text AS properties,
       ST_AsGeoJSON(ST_ForcePolygonCCW({shape}), 9, 0) AS geometry
  FROM {t} t
 WHERE {conditions}
 ORDER BY {order}
 LIMIT {most} OFFSET {skip}
