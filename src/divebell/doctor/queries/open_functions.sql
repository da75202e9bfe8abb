-- Of the functions named (oids), those that the volunteers' roles may call, and who.
SELECT function.oid::regprocedure::text, role.rolname::text
FROM unnest(%(functions)s::oid[]) AS function (oid)
CROSS JOIN pg_roles AS role
WHERE (role.rolname IN ('volunteers', 'event_reader') OR role.rolname ^@ 'v_')
  AND NOT role.rolsuper AND has_function_privilege(role.oid, function.oid, 'EXECUTE')
ORDER BY 1, role.rolname ^@ 'v_', 2
