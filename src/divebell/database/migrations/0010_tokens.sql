-- Personal tokens, with which QGIS and scripts read as a person. Only their hashes are kept.
ALTER TABLE divebell.limits ADD COLUMN ends timestamptz;  -- of the event, as its file says

CREATE SCHEMA tokens AUTHORIZATION event_owner;
SET ROLE event_owner;

CREATE TABLE tokens.token (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
    hash     bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),  -- SHA-256
    label    text NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
    made_at  timestamptz NOT NULL DEFAULT now(),
    used_at  timestamptz                                             -- to the minute
);
CREATE INDEX ON tokens.token (name);

RESET ROLE;

-- A token ends with the event; made after its end, or close to it, a day later; without a known end, after 14 days.
CREATE FUNCTION tokens.expiry(made_at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN ends IS NULL THEN made_at + interval '14 days' ELSE greatest(ends, made_at + interval '1 day') END
    FROM divebell.limits
$$;

CREATE VIEW tokens.known AS SELECT id, name, hash, label, made_at, used_at, tokens.expiry(made_at) AS expires_at
    FROM tokens.token;
ALTER VIEW tokens.known OWNER TO event_owner;

-- What whoever asks has.
CREATE VIEW tokens.mine WITH (security_barrier) AS SELECT id, label, made_at, used_at, expires_at
    FROM tokens.known WHERE name = substr(session_user, 3) AND session_user ^@ 'v_';
ALTER VIEW tokens.mine OWNER TO event_owner;

CREATE PROCEDURE tokens.add(who text, what text, hash bytea) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('divebell.tokens'), hashtext(who));
    DELETE FROM tokens.token t WHERE t.name = who AND tokens.expiry(t.made_at) < now();
    IF (SELECT count(*) FROM tokens.token t WHERE t.name = who) >= 10 THEN
        RAISE EXCEPTION 'ten tokens are in use: revoke one first' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO tokens.token (name, hash, label) VALUES (who, add.hash, what);
END $$;

-- Procedures, because no view can call one: a volunteer's view runs as whoever reads it.
CREATE PROCEDURE tokens.make(what text, hash bytea) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT session_user ^@ 'v_' THEN
        RAISE EXCEPTION 'not the role of a person: %', session_user;
    END IF;
    CALL tokens.add(substr(session_user, 3), what, hash);
END $$;

CREATE PROCEDURE tokens.revoke(which bigint) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM tokens.token t WHERE t.id = which AND t.name = substr(session_user, 3) AND session_user ^@ 'v_';
END $$;

-- A name that is given free takes its tokens with it.
CREATE OR REPLACE FUNCTION people.reset(who text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM people.device WHERE name = who;
    DELETE FROM tokens.token WHERE name = who;
    UPDATE people.person SET return_code_hash = NULL WHERE name = who;
    SELECT EXISTS (SELECT FROM people.person WHERE name = who);
$$;
ALTER PROCEDURE tokens.add OWNER TO event_owner;
ALTER PROCEDURE tokens.make OWNER TO event_owner;
ALTER PROCEDURE tokens.revoke OWNER TO event_owner;
