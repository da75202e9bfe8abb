SELECT d.file, d.layer, d.table_name, d.identity, c.oid IS NOT NULL, d.retired_at IS NOT NULL
FROM catalogue.dataset d
LEFT JOIN pg_catalog.pg_class c
    ON c.relname = d.table_name AND c.relnamespace = 'data'::regnamespace AND c.relkind = 'r'
ORDER BY d.id
