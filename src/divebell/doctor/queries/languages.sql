-- Languages: whether they know limits, and which of the volunteers' roles may define functions in them.
SELECT lanname, lanpltrusted,
    ARRAY(SELECT rolname::text FROM pg_roles
          WHERE NOT rolsuper AND (rolname = 'volunteers' OR rolname ^@ 'v_')
            AND has_language_privilege(pg_roles.oid, pg_language.oid, 'USAGE')
          ORDER BY rolname ^@ 'v_', rolname)
FROM pg_language WHERE lanname NOT IN ('internal', 'c')
