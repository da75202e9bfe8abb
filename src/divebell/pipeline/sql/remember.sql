INSERT INTO catalogue.dataset AS d (
    file, layer, table_name, format, identity, commit, committed_at, author, rows, null_geometries, empty_geometries,
    invalid_geometries, geometry_type, geometry_types, crs, srid, bbox, columns, warnings, load_seconds)
VALUES (
    %(file)s, %(layer)s, %(table)s, %(format)s, %(identity)s, %(commit)s, %(committed_at)s, %(author)s, %(rows)s,
    %(null_geometries)s, %(empty_geometries)s, %(invalid_geometries)s, %(geometry_type)s, %(geometry_types)s,
    %(crs)s, %(srid)s, %(bbox)s, %(columns)s, %(warnings)s, %(load_seconds)s)
ON CONFLICT (file, layer) DO UPDATE SET
    table_name = excluded.table_name, format = excluded.format, identity = excluded.identity,
    commit = excluded.commit, committed_at = excluded.committed_at, author = excluded.author, rows = excluded.rows,
    null_geometries = excluded.null_geometries, empty_geometries = excluded.empty_geometries,
    invalid_geometries = excluded.invalid_geometries, geometry_type = excluded.geometry_type,
    geometry_types = excluded.geometry_types, crs = excluded.crs, srid = excluded.srid, bbox = excluded.bbox,
    columns = excluded.columns, warnings = excluded.warnings, loaded_at = now(), load_seconds = excluded.load_seconds,
    retired_at = NULL, used_by = '{}'
