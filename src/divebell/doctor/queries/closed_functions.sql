-- Functions that not everybody may call.
SELECT oid::bigint FROM pg_proc
WHERE pronamespace::regnamespace::text IN ('pg_catalog', 'public')
  AND proacl IS NOT NULL AND NOT EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 0)
