-- Everything privileges.sql decides about, one right a row: kind of thing, its name, the right.
SELECT 'role', rolname::text,
    unnest(ARRAY[
        CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN rolsuper THEN 'SUPERUSER' END,
        CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
        'CONNECTION LIMIT ' || rolconnlimit])
FROM pg_roles WHERE rolname !~ '^pg_'
UNION ALL
SELECT 'role', pg_get_userbyid(member)::text, 'member of ' || pg_get_userbyid(roleid) FROM pg_auth_members
WHERE pg_get_userbyid(member) !~ '^pg_'
UNION ALL
SELECT 'role', coalesce(pg_get_userbyid(nullif(setrole, 0)), 'every role')::text,
    'SET ' || unnest(setconfig) || coalesce(' in ' || (SELECT datname FROM pg_database WHERE oid = setdatabase), '')
FROM pg_db_role_setting
UNION ALL
SELECT 'database', datname::text, unnest(coalesce(datacl, acldefault('d', datdba)))::text FROM pg_database
UNION ALL
SELECT 'schema', nspname::text, unnest(coalesce(nspacl, acldefault('n', nspowner)))::text FROM pg_namespace
WHERE nspname !~ '^pg_(toast|temp)'
UNION ALL
SELECT 'language', lanname::text, unnest(coalesce(lanacl, acldefault('l', lanowner)))::text FROM pg_language
UNION ALL
SELECT 'tablespace', spcname::text, unnest(coalesce(spcacl, acldefault('t', spcowner)))::text FROM pg_tablespace
UNION ALL
SELECT 'function', oid::regprocedure::text, unnest(coalesce(proacl, acldefault('f', proowner)))::text FROM pg_proc
WHERE pronamespace::regnamespace::text IN ('pg_catalog', 'public', 'branches', 'catalogue', 'copies', 'people', 'shared', 'tokens', 'watch', 'divebell')
UNION ALL
SELECT 'defaults', pg_get_userbyid(defaclrole) || ' in ' || coalesce(nullif(defaclnamespace, 0)::regnamespace::text, 'every schema'),
    unnest(defaclacl)::text
FROM pg_default_acl
