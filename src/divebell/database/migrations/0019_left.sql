-- Sign out whose account of the machine takes part no more, and nobody else: ambassadors come in by another way.
CREATE FUNCTION people.left_machine(login text) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT people.sign_out(p.name) FROM people.person p WHERE p.identity = 'system:' || login
        AND NOT EXISTS (SELECT FROM people.ambassador a WHERE a.name = p.name);
$$;
ALTER FUNCTION people.left_machine OWNER TO event_owner;
REVOKE ALL ON FUNCTION people.left_machine FROM PUBLIC;
GRANT EXECUTE ON FUNCTION people.left_machine TO event_hub;
