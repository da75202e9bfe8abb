-- What lies in schema stage. Only the loader puts anything there.
SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'stage'
