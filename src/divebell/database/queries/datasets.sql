SELECT file, layer, table_name, format, commit, committed_at, author, rows, null_geometries, empty_geometries,
       invalid_geometries, geometry_type, crs, bbox, columns, warnings, loaded_at, load_seconds
FROM catalogue.dataset
ORDER BY file, id
