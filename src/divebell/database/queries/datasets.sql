SELECT file, layer, table_name, format, commit, committed_at, author, rows, null_geometries, empty_geometries,
       invalid_geometries, geometry_type, geometry_types, crs, bbox, columns, warnings, loaded_at, load_seconds,
       retired_at, used_by
FROM catalogue.dataset
ORDER BY file, id
