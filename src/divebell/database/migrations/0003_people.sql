-- Who claimed which name. Only the hub reads and writes it; a return code and a device token are kept as hashes.
CREATE SCHEMA people AUTHORIZATION event_owner;
GRANT USAGE ON SCHEMA people TO event_hub, event_web;
SET ROLE event_owner;

CREATE TABLE people.person (
    name              text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
    return_code_hash  text,                          -- NULL: reset; the next sign-in claims the name anew
    claimed_at        timestamptz NOT NULL DEFAULT now(),
    last_sign_in_at   timestamptz,
    last_address      text
);

CREATE TABLE people.device (
    token_hash  text PRIMARY KEY,
    name        text NOT NULL REFERENCES people.person ON DELETE CASCADE,
    made_at     timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW people.roster AS SELECT name, claimed_at, last_sign_in_at, return_code_hash IS NULL AS reset FROM people.person;

GRANT SELECT, INSERT, UPDATE, DELETE ON people.person, people.device TO event_hub;
GRANT SELECT ON people.roster TO event_web;

RESET ROLE;

-- Forget how a person returns: their next sign-in with the event's password claims the name again.
CREATE FUNCTION people.reset(who text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM people.device WHERE name = who;
    UPDATE people.person SET return_code_hash = NULL WHERE name = who;
    SELECT EXISTS (SELECT FROM people.person WHERE name = who);
$$;
ALTER FUNCTION people.reset OWNER TO event_owner;
REVOKE ALL ON FUNCTION people.reset FROM PUBLIC;
GRANT EXECUTE ON FUNCTION people.reset TO event_web;
