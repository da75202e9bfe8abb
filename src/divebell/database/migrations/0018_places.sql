-- Nobody fills the queue of those who ask for an account, and no invitation goes beyond the number of people expected.
SET ROLE event_owner;
ALTER TABLE people.person ADD COLUMN asked_address text;  -- one client's own: an IPv4 address, an IPv6 network
CREATE OR REPLACE VIEW people.roster AS
    SELECT p.name, p.claimed_at, p.last_sign_in_at, p.last_address, split_part(p.identity, ':', 1) AS way, p.identity,
           p.state, p.note, p.signed_out,
           p.state = 'in' AND p.signed_out AND p.return_code_hash IS NULL AND p.identity ^@ 'password:' AS reset,
           a.name IS NOT NULL AS made_ambassador, a.made_by, p.asked_address
    FROM people.person p LEFT JOIN people.ambassador a USING (name);
RESET ROLE;

-- Turn everybody away who asked from the same address as `who`. Gives 'yes' or 'unknown'.
CREATE FUNCTION people.decline_beside(who text, by text, ambassadors text[])
    RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    address text;
BEGIN
    LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE;
    SELECT p.asked_address INTO address FROM people.person p
    WHERE p.name = who AND p.state = 'asked' AND p.asked_address IS NOT NULL;
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    WITH declined AS (
        UPDATE people.person p SET state = 'declined'
        WHERE p.asked_address = address AND p.state = 'asked' AND p.name <> ALL (ambassadors) RETURNING p.name)
    INSERT INTO people.change (name, what, by) SELECT d.name, 'declined', decline_beside.by FROM declined d;
    RETURN 'yes';
END $$;

DROP FUNCTION people.invite(text, text, text, integer, bytea, text, timestamptz, text, text[]);

-- Invite a person by name, or several with a label. Another invitation of that person's ends; somebody who was removed
-- is taken back while there are places. Gives 'yes', 'again' (the id or key is in use: choose another), 'ambassador',
-- 'full', or how the name's owner signs in where no invitation can give the name away.
CREATE FUNCTION people.invite(number text, who text, label text, uses integer, key_hash bytea, code_hash text,
                              expires_at timestamptz, by text, ambassadors text[], expected integer)
    RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    owner people.person;
BEGIN
    IF who IS NOT NULL THEN
        LOCK TABLE people.person IN SHARE ROW EXCLUSIVE MODE;
    END IF;
    SELECT * INTO owner FROM people.person p WHERE p.name = who;
    IF who = ANY (ambassadors) OR EXISTS (SELECT FROM people.ambassador a WHERE a.name = who) THEN
        RETURN 'ambassador';
    ELSIF split_part(owner.identity, ':', 1) NOT IN ('password', 'invitation', 'ambassador') THEN  -- one who is none any more
        RETURN split_part(owner.identity, ':', 1);
    ELSIF owner.state <> 'in' AND people.places(ambassadors) >= expected THEN
        RETURN 'full';
    END IF;
    INSERT INTO people.invitation (id, name, label, uses, key_hash, code_hash, expires_at, made_by)
    VALUES (number, who, invite.label, invite.uses, invite.key_hash, invite.code_hash, invite.expires_at, by)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'again';
    END IF;
    UPDATE people.invitation i SET revoked_at = now()
    WHERE i.name = who AND i.id <> number AND i.revoked_at IS NULL AND i.used < i.uses;
    -- Whose name it is already comes back with the new code, and with the old one no more.
    UPDATE people.person SET return_code_hash = invite.code_hash, identity = 'invitation:' || name,
        signed_out = signed_out OR state <> 'in', state = 'in' WHERE name = who;
    INSERT INTO people.change (name, what, by) VALUES (coalesce(who, invite.label), 'invited', invite.by);
    RETURN 'yes';
END $$;

ALTER FUNCTION people.decline_beside OWNER TO event_owner;
ALTER FUNCTION people.invite OWNER TO event_owner;
REVOKE ALL ON FUNCTION people.decline_beside, people.invite FROM PUBLIC;
GRANT EXECUTE ON FUNCTION people.decline_beside, people.invite TO event_web;
