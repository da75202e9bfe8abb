-- The branches shared/<name>: how each stands, and pushes of people who use git, on their way from the web app to the
-- loader, which alone writes to the repository.
CREATE SCHEMA branches AUTHORIZATION event_owner;
SET ROLE event_owner;

CREATE TABLE branches.branch (
    name         text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),  -- the branch is shared/<name>
    tip          text NOT NULL,                  -- its last commit
    changed_at   timestamptz NOT NULL DEFAULT now(),
    pushed       text,                           -- the commit that the event's repository has as well
    pushed_at    timestamptz,
    problem      text,                           -- why the repository lacks the tip, in words
    failures     integer NOT NULL DEFAULT 0,     -- how often that went wrong since it last worked
    again_at     timestamptz NOT NULL DEFAULT now()  -- not pushed before
);

CREATE TABLE branches.push (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
    request      bytea,                          -- of git's receive-pack, checked by the web app; NULL once answered
    asked_at     timestamptz NOT NULL DEFAULT now(),
    answer       bytea                           -- what receive-pack said, for the client
);

RESET ROLE;

-- Only the web app may ask, and only so much at once.
CREATE FUNCTION branches.ask(who text, request bytea) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked bigint;
BEGIN
    DELETE FROM branches.push p WHERE p.asked_at < now() - interval '10 min';
    IF (SELECT count(*) FROM branches.push p WHERE p.answer IS NULL) >= 20 THEN
        RAISE EXCEPTION 'many push at this moment' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    INSERT INTO branches.push (name, request) VALUES (who, ask.request) RETURNING id INTO asked;
    NOTIFY pushes;
    RETURN asked;
END $$;
ALTER FUNCTION branches.ask OWNER TO event_owner;
