-- Who somebody is, apart from the name: `password:ana` for a claimed name, `github:583231`, `account:ana`,
-- `system:ana`, `invitation:ana`, `ambassador:maria`. A name is one identity's for as long as its work is kept.
SET ROLE event_owner;

ALTER TABLE people.person
    ADD COLUMN identity       text,
    ADD COLUMN password_hash  text,                          -- of an account
    ADD COLUMN state          text NOT NULL DEFAULT 'in'
                              CHECK (state IN ('in', 'asked', 'declined', 'removed')),
    ADD COLUMN signed_out     boolean NOT NULL DEFAULT false, -- sessions from before the next sign-in do not count
    ADD COLUMN note           text,                          -- what somebody who asks for an account says of themselves
    ADD COLUMN asked_device   text;                          -- the browser that asked goes on by itself once approved
UPDATE people.person SET
    identity = CASE WHEN return_code_hash = 'none' THEN 'ambassador:' ELSE 'password:' END || name,
    signed_out = return_code_hash IS NULL,
    return_code_hash = nullif(return_code_hash, 'none');
ALTER TABLE people.person ALTER COLUMN identity SET NOT NULL;
ALTER TABLE people.person ADD CONSTRAINT person_identity UNIQUE (identity);

-- Ambassadors that the event's own ambassadors made. Those named in the event file stand in no table.
CREATE TABLE people.ambassador (
    name           text PRIMARY KEY REFERENCES people.person ON DELETE CASCADE,
    password_hash  text NOT NULL,
    made_by        text NOT NULL,
    made_at        timestamptz NOT NULL DEFAULT now()
);

-- Who signed in when, from where, by which way; and who changed what about whom. Kept for the owner of the data: names
-- stay in it when people go, and no part of divebell may change or delete a line.
CREATE TABLE people.sign_in (
    at        timestamptz NOT NULL DEFAULT now(),
    name      text NOT NULL,
    identity  text NOT NULL,
    way       text NOT NULL,
    address   text NOT NULL
);
CREATE INDEX sign_in_at ON people.sign_in (at);
CREATE TABLE people.change (
    at    timestamptz NOT NULL DEFAULT now(),
    name  text NOT NULL,
    what  text NOT NULL,
    by    text NOT NULL
);

DROP VIEW people.roster;
CREATE VIEW people.roster AS
    SELECT p.name, p.claimed_at, p.last_sign_in_at, p.last_address, split_part(p.identity, ':', 1) AS way, p.identity,
           p.state, p.note, p.signed_out,
           p.state = 'in' AND p.signed_out AND p.return_code_hash IS NULL AND p.identity ^@ 'password:' AS reset,
           a.name IS NOT NULL AS made_ambassador, a.made_by
    FROM people.person p LEFT JOIN people.ambassador a USING (name);

GRANT SELECT, DELETE ON people.ambassador TO event_hub;
GRANT UPDATE (password_hash) ON people.ambassador TO event_hub;
GRANT INSERT ON people.sign_in, people.change TO event_hub;
GRANT SELECT ON people.roster, people.sign_in, people.change TO event_web;

DROP FUNCTION people.reset(text);
RESET ROLE;

-- Whoever may run these decides about people: the portal, for ambassadors. Each leaves a line in people.change.

-- End what a person returns with: browsers, tokens, sessions.
CREATE FUNCTION people.sign_out(who text) RETURNS boolean LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM people.device WHERE name = who;
    DELETE FROM tokens.token WHERE name = who;
    UPDATE people.person SET signed_out = true, asked_device = NULL WHERE name = who;
    SELECT EXISTS (SELECT FROM people.person WHERE name = who);
$$;

-- Give a person a new start. `way` is the event's: with the event's password the next sign-in claims the name anew;
-- an account gets the password whose hash is given; whoever proves elsewhere who they are only signs in anew.
-- Gives 'yes', 'unknown' or 'ambassador'.
CREATE FUNCTION people.reset(who text, way text DEFAULT 'event-password', hash text DEFAULT NULL, by text DEFAULT '-')
    RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM people.person p WHERE p.name = who AND p.state = 'in') THEN
        RETURN 'unknown';
    ELSIF EXISTS (SELECT FROM people.ambassador a WHERE a.name = who) THEN
        RETURN 'ambassador';
    END IF;
    PERFORM people.sign_out(who);
    IF way IN ('event-password', 'accounts', 'invitations') THEN
        UPDATE people.person SET return_code_hash = CASE WHEN way = 'invitations' THEN reset.hash END,
            password_hash = CASE WHEN way = 'accounts' THEN reset.hash END,
            identity = CASE way WHEN 'accounts' THEN 'account:' WHEN 'invitations' THEN 'invitation:'
                       ELSE 'password:' END || who
        WHERE name = who;
    END IF;
    INSERT INTO people.change (name, what, by) VALUES (who, 'reset', reset.by);
    RETURN 'yes';
END $$;

-- Add a person, or take one back who was removed. Gives 'yes', 'taken' or 'full'; `ambassadors` do not count.
CREATE FUNCTION people.add(who text, way text, hash text, by text, expected integer, ambassadors text[])
    RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before people.person;
    known_as text := CASE WHEN way = 'accounts' THEN 'account:' ELSE 'password:' END || who;
BEGIN
    IF way NOT IN ('event-password', 'accounts') THEN
        RAISE EXCEPTION 'nobody is added where people sign in with: %', way;
    END IF;
    LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO before FROM people.person p WHERE p.name = who;
    IF who = ANY (ambassadors) OR before.state = 'in' THEN
        RETURN 'taken';
    ELSIF people.places(ambassadors) >= expected THEN
        RETURN 'full';
    END IF;
    INSERT INTO people.person AS p (name, identity, return_code_hash, password_hash, signed_out)
    VALUES (who, known_as, CASE WHEN way = 'event-password' THEN hash END, CASE WHEN way = 'accounts' THEN hash END, true)
    ON CONFLICT (name) DO UPDATE SET identity = excluded.identity, return_code_hash = excluded.return_code_hash,
        password_hash = excluded.password_hash, signed_out = true, state = 'in', note = NULL, asked_device = NULL;
    INSERT INTO people.change (name, what, by) VALUES (who, 'added', add.by);
    RETURN 'yes';
END $$;

-- How many places are taken.
CREATE FUNCTION people.places(ambassadors text[]) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FROM people.person p WHERE p.state = 'in' AND p.name <> ALL (ambassadors)
        AND NOT EXISTS (SELECT FROM people.ambassador a WHERE a.name = p.name);
$$;

-- Answer somebody who asked for an account. Gives 'yes', 'unknown' or 'full'.
CREATE FUNCTION people.decide(who text, approved boolean, by text, expected integer, ambassadors text[])
    RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE;
    IF approved AND people.places(ambassadors) >= expected THEN
        RETURN 'full';
    END IF;
    UPDATE people.person SET state = CASE WHEN approved THEN 'in' ELSE 'declined' END
    WHERE name = who AND state = 'asked' AND name <> ALL (ambassadors);
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    INSERT INTO people.change (name, what, by)
    VALUES (who, CASE WHEN approved THEN 'approved' ELSE 'declined' END, decide.by);
    RETURN 'yes';
END $$;

-- Shut a person out. The name stays theirs, because notebooks and tables do. Gives 'yes', 'unknown' or 'ambassador':
-- who was made one is a volunteer again first, which not every ambassador decides.
CREATE FUNCTION people.remove(who text, by text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM people.ambassador a WHERE a.name = who) THEN
        RETURN 'ambassador';
    END IF;
    UPDATE people.person SET state = 'removed' WHERE name = who AND state = 'in';
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    PERFORM people.sign_out(who);
    INSERT INTO people.change (name, what, by) VALUES (who, 'removed', remove.by);
    RETURN 'yes';
END $$;

-- Make somebody an ambassador, with a password of their own, or renew that password. The old way in ends.
CREATE FUNCTION people.make_ambassador(who text, hash text, by text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM people.person p WHERE p.name = who AND p.state = 'in') THEN
        RETURN 'unknown';
    END IF;
    PERFORM people.sign_out(who);
    INSERT INTO people.ambassador AS a (name, password_hash, made_by) VALUES (who, hash, make_ambassador.by)
    ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash, made_by = excluded.made_by, made_at = now();
    INSERT INTO people.change (name, what, by) VALUES (who, 'made ambassador', make_ambassador.by);
    RETURN 'yes';
END $$;

CREATE FUNCTION people.unmake_ambassador(who text, by text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM people.ambassador WHERE name = who;
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    PERFORM people.sign_out(who);
    INSERT INTO people.change (name, what, by) VALUES (who, 'no longer ambassador', unmake_ambassador.by);
    RETURN 'yes';
END $$;

DO $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT oid FROM pg_proc WHERE pronamespace = 'people'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO event_owner', one);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one);
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION people.reset, people.add, people.decide, people.remove, people.make_ambassador,
    people.unmake_ambassador, people.places TO event_web;
GRANT EXECUTE ON FUNCTION people.places TO event_hub;
