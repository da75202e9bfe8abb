-- Every version of the dataset whose table is, or was last, called so (or whose file is): oldest first.
SELECT version, since, until, file, layer, table_name, identity, commit, committed_at, author, rows, columns, crs,
       geometry_type, warnings, retired_at
FROM catalogue.history
WHERE lineage = (
    SELECT lineage FROM catalogue.history
    WHERE table_name = %(name)s OR file = %(name)s
    ORDER BY table_name <> %(name)s, until IS NOT NULL, version DESC
    LIMIT 1)
ORDER BY version
