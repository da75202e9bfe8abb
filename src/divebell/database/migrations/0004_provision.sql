-- The one thing the hub may do that a superuser does: make or renew a volunteer's role and schema.
-- A role with CREATEROLE could, on PostgreSQL 15, make itself nearly anything; this procedure can only do this.
CREATE PROCEDURE public.provision(who text, verifier text) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    step text;
BEGIN
    IF who !~ '^v_[a-z][a-z0-9_]{1,30}$' THEN
        RAISE EXCEPTION 'not the role of a person: %', who;
    END IF;
    IF verifier !~ '^SCRAM-SHA-256\$[0-9]{4,6}:[A-Za-z0-9+/=]{16,}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$' THEN
        RAISE EXCEPTION 'not a SCRAM-SHA-256 verifier';
    END IF;
    -- A role cannot be altered twice at once. One lock for each: a volunteer can hold up the own role.
    PERFORM pg_advisory_xact_lock(hashtext('divebell.provision'), hashtext(who));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = who) THEN
        EXECUTE format('CREATE ROLE %I', who);
    END IF;
    FOREACH step IN ARRAY ARRAY[
        'ALTER ROLE %1$I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT
            CONNECTION LIMIT 6 VALID UNTIL ''infinity'' PASSWORD %2$L',
        'GRANT volunteers TO %1$I',
        'ALTER ROLE %1$I RESET ALL',
        'ALTER ROLE %1$I IN DATABASE event RESET ALL',
        'ALTER ROLE %1$I SET search_path = "$user", data, public',
        'ALTER ROLE %1$I SET temp_file_limit = ''2GB''',
        'ALTER ROLE %1$I SET statement_timeout = ''5min''',
        'ALTER ROLE %1$I SET lock_timeout = ''30s''',
        'ALTER ROLE %1$I SET idle_in_transaction_session_timeout = ''2min''',
        'ALTER ROLE %1$I SET idle_session_timeout = ''1h''',
        'CREATE SCHEMA IF NOT EXISTS %1$I AUTHORIZATION event_owner',
        'GRANT USAGE, CREATE ON SCHEMA %1$I TO %1$I',
        'GRANT USAGE ON SCHEMA %1$I TO event_reader'
    ] LOOP
        EXECUTE format(step, who, verifier);
    END LOOP;
END $$;
REVOKE ALL ON PROCEDURE public.provision FROM PUBLIC;
