-- What in the database uses a table of schema data, or one of its columns: kind, name, owner, columns used.
-- %(table)s: its name; NULL for all of them. A view on a view is named by the one next to the table.
WITH target AS (
    SELECT oid, relname, ARRAY[reltype, (SELECT typarray FROM pg_type WHERE pg_type.oid = reltype)] AS types
    FROM pg_class
    WHERE relnamespace = 'data'::regnamespace AND relkind = 'r'
      AND (%(table)s::text IS NULL OR relname = %(table)s::text)
), used AS (
    SELECT t.relname, CASE c.relkind WHEN 'm' THEN 'materialised view' WHEN 'v' THEN 'view' ELSE 'rule' END AS kind,
           format('%%I.%%I', n.nspname, c.relname) AS name, c.relowner AS owner, d.refobjsubid AS number, t.oid
    FROM target t
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
        AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class c ON c.oid = r.ev_class AND c.oid <> t.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION
    SELECT t.relname, 'table', format('%%I.%%I', n.nspname, c.relname), c.relowner, key.number, t.oid
    FROM target t
    JOIN pg_constraint f ON f.contype = 'f' AND f.confrelid = t.oid AND f.conrelid <> t.oid
    CROSS JOIN LATERAL unnest(f.confkey) AS key (number)
    JOIN pg_class c ON c.oid = f.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION
    SELECT t.relname, 'function', p.oid::regprocedure::text, p.proowner, 0, t.oid
    FROM target t
    JOIN pg_depend d ON d.classid = 'pg_proc'::regclass
        AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
             OR d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (t.types))
    JOIN pg_proc p ON p.oid = d.objid
    UNION
    SELECT t.relname, CASE c.relkind WHEN 'c' THEN 'type' ELSE 'table' END,
           format('%%I.%%I', n.nspname, c.relname), c.relowner, 0, t.oid
    FROM target t
    JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (t.types)
        AND d.classid = 'pg_class'::regclass AND d.objid <> t.oid
    JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p', 'f', 'm', 'c')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION
    SELECT t.relname, 'type', format('%%I.%%I', n.nspname, y.typname), y.typowner, 0, t.oid
    FROM target t
    JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid = ANY (t.types)
        AND d.classid = 'pg_type'::regclass
    JOIN pg_type y ON y.oid = d.objid AND y.typtype = 'd'
    JOIN pg_namespace n ON n.oid = y.typnamespace
    UNION
    SELECT t.relname, 'policy', format('%%I on %%I.%%I', p.polname, n.nspname, c.relname), c.relowner, d.refobjsubid, t.oid
    FROM target t
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
        AND d.classid = 'pg_policy'::regclass
    JOIN pg_policy p ON p.oid = d.objid AND p.polrelid <> t.oid
    JOIN pg_class c ON c.oid = p.polrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT u.relname, u.kind, u.name, pg_get_userbyid(u.owner),
       coalesce(array_agg(a.attname::text) FILTER (WHERE a.attname IS NOT NULL), '{}')
FROM used u
LEFT JOIN pg_attribute a ON a.attrelid = u.oid AND a.attnum = u.number AND u.number > 0
GROUP BY 1, 2, 3, 4
ORDER BY 1, 3
