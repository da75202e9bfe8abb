-- Who may do what with a table of schema data, or with one of its columns; its owner left out.
SELECT NULL::text AS column_name, a.privilege_type, r.rolname, a.is_grantable
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = 'data'::regnamespace AND c.relname = %(table)s AND a.grantee <> c.relowner
UNION ALL
SELECT k.attname, a.privilege_type, r.rolname, a.is_grantable
FROM pg_class c
JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum > 0 AND NOT k.attisdropped
CROSS JOIN LATERAL aclexplode(k.attacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = 'data'::regnamespace AND c.relname = %(table)s AND a.grantee <> c.relowner
