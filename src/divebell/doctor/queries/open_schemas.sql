-- Schemas where volunteers have a right that they should not have.
SELECT nspname, wanted
FROM pg_namespace CROSS JOIN (VALUES ('CREATE'), ('USAGE')) AS rights (wanted)
WHERE has_schema_privilege('volunteers', oid, wanted) AND nspname !~ '^(pg_|v_|information_schema)'
  AND NOT (wanted = 'USAGE' AND nspname IN ('public', 'data', 'catalogue', 'copies', 'watch', 'tokens'))
