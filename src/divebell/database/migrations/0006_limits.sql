-- What the event file allows one volunteer. `divebell up` writes it; roles are made and watched by it.
CREATE TABLE divebell.limits (
    single             boolean PRIMARY KEY DEFAULT true CHECK (single),
    connections        integer NOT NULL DEFAULT 6,          -- of one volunteer at once
    query_seconds      double precision NOT NULL DEFAULT 900,
    idle_seconds       double precision NOT NULL DEFAULT 300,  -- within a transaction
    locks              integer NOT NULL DEFAULT 2000,       -- of one connection
    temporary_bytes    bigint NOT NULL DEFAULT 2147483648   -- temporary files of one process
);
INSERT INTO divebell.limits DEFAULT VALUES;

DO $$
DECLARE
    who text;
BEGIN
    FOREACH who IN ARRAY ARRAY['event_tiles', 'event_watchdog'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = who) THEN
            EXECUTE format('CREATE ROLE %I', who);
        END IF;
    END LOOP;
END $$;

-- Bring a volunteer's role to what the event file says, whatever its owner has changed about it.
CREATE PROCEDURE divebell.settle(who text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    allowed divebell.limits;
    step text;
BEGIN
    -- A role cannot be altered twice at once. One lock for each: a volunteer can hold up the own role.
    PERFORM pg_advisory_xact_lock(hashtext('divebell.provision'), hashtext(who));
    SELECT * INTO STRICT allowed FROM divebell.limits;
    FOREACH step IN ARRAY ARRAY[
        format('ALTER ROLE %%1$I CONNECTION LIMIT %s', allowed.connections),
        'ALTER ROLE %1$I RESET ALL',
        'ALTER ROLE %1$I IN DATABASE event RESET ALL',
        'ALTER ROLE %1$I SET search_path = "$user", data, public',
        'ALTER ROLE %1$I SET default_tablespace = ''scratch''',
        'ALTER ROLE %1$I SET temp_tablespaces = ''scratch''',
        format('ALTER ROLE %%1$I SET temp_file_limit = ''%skB''', allowed.temporary_bytes / 1024),
        format('ALTER ROLE %%1$I SET statement_timeout = ''%sms''', round(allowed.query_seconds * 1000)),
        format('ALTER ROLE %%1$I SET idle_in_transaction_session_timeout = ''%sms''', round(allowed.idle_seconds * 1000)),
        'ALTER ROLE %1$I SET lock_timeout = ''30s''',
        'ALTER ROLE %1$I SET idle_session_timeout = ''1h'''
    ] LOOP
        EXECUTE format(step, who);
    END LOOP;
END $$;

CREATE OR REPLACE PROCEDURE public.provision(who text, verifier text) LANGUAGE plpgsql SECURITY DEFINER
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
    PERFORM pg_advisory_xact_lock(hashtext('divebell.provision'), hashtext(who));  -- as settle does
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = who) THEN
        EXECUTE format('CREATE ROLE %I', who);
    END IF;
    FOREACH step IN ARRAY ARRAY[
        'ALTER ROLE %1$I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT
            VALID UNTIL ''infinity'' PASSWORD %2$L',
        'GRANT volunteers TO %1$I',
        'CREATE SCHEMA IF NOT EXISTS %1$I AUTHORIZATION event_owner',
        'GRANT USAGE, CREATE ON SCHEMA %1$I TO %1$I',
        'GRANT USAGE ON SCHEMA %1$I TO event_reader'
    ] LOOP
        EXECUTE format(step, who, verifier);
    END LOOP;
    CALL divebell.settle(who);
END $$;
