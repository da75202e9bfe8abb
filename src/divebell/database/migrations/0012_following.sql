-- What a git host or a CI told the event, and what each pass of the loader made of a commit.
CREATE SCHEMA following AUTHORIZATION event_owner;
SET ROLE event_owner;

-- A hint says no more than that the repository is worth a look. It is there before it is answered, and it is
-- done with when a look that began later has ended well: whichever loader that is.
CREATE TABLE following.hint (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery   text NOT NULL UNIQUE CHECK (length(delivery) <= 100),
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32),  -- SHA-256 of the body
    heard_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    looked_at  timestamptz
);
CREATE INDEX ON following.hint (digest);
CREATE INDEX ON following.hint (id) WHERE looked_at IS NULL;

-- One row: when the branch was last seen at its source, and as what.
CREATE TABLE following.branch (
    single     boolean PRIMARY KEY DEFAULT true CHECK (single),
    looked_at  timestamptz,
    head       text
);
INSERT INTO following.branch DEFAULT VALUES;

-- What the loader made of a commit. Its datasets are what catalogue.history says of that time.
CREATE TABLE following.pass (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    commit       text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz,
    problem      text,                           -- of the commit as a whole
    failures     jsonb NOT NULL DEFAULT '[]'     -- [{"file", "error", "changed"}], once it has finished
);
CREATE INDEX ON following.pass (commit);

RESET ROLE;

-- Take a delivery down and wake the loader; false for one that is known. A body that was captured and sent
-- again under other names is one delivery for ten minutes: the name is not signed, the body is.
CREATE FUNCTION following.hear(which text, body bytea) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('divebell.following'));
    DELETE FROM following.hint WHERE looked_at < now() - interval '3 days';
    IF EXISTS (SELECT FROM following.hint
               WHERE digest = body AND heard_at > clock_timestamp() - interval '10 minutes') THEN
        RETURN false;
    END IF;
    INSERT INTO following.hint (delivery, digest) VALUES (which, body) ON CONFLICT (delivery) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM pg_notify('loader', 'hint');
    RETURN true;
END $$;
