-- Invitations: one for a person, whose name it holds, or one for several, who choose their names. Of the link's key
-- and of the code on a card only hashes are kept. `id` is the first part of the code.
SET ROLE event_owner;

CREATE TABLE people.invitation (
    id          text PRIMARY KEY CHECK (id ~ '^[2-9A-Z]{3}$'),
    name        text CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
    label       text CHECK (length(label) BETWEEN 1 AND 60),
    uses        integer NOT NULL CHECK (uses BETWEEN 1 AND 500),
    used        integer NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND uses),
    key_hash    bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),  -- SHA-256
    code_hash   text NOT NULL,
    expires_at  timestamptz NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now(),
    made_by     text NOT NULL,
    revoked_at  timestamptz,
    CHECK ((name IS NULL) <> (label IS NULL)),
    CHECK (name IS NULL OR uses = 1)
);
CREATE INDEX ON people.invitation (name);

CREATE TABLE people.invitation_use (
    invitation  text NOT NULL REFERENCES people.invitation,
    name        text NOT NULL,
    at          timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON people.invitation_use (invitation);

-- Who of GitHub has which number, and as whom of the event file's list they came: a login may be given to somebody
-- else later. `token` is encrypted with a key that the database does not have.
CREATE TABLE people.github (
    number      bigint PRIMARY KEY,
    login       text NOT NULL,
    listed_as   text UNIQUE,
    token       bytea,
    checked_at  timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT ON people.invitation TO event_hub;
GRANT UPDATE (used) ON people.invitation TO event_hub;
GRANT INSERT ON people.invitation_use TO event_hub;
GRANT SELECT, INSERT, UPDATE ON people.github TO event_hub;

CREATE FUNCTION people.state_of(i people.invitation) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN i.revoked_at IS NOT NULL THEN 'revoked' WHEN i.used >= i.uses THEN 'used'
                WHEN i.expires_at <= now() THEN 'expired' ELSE 'open' END
$$;
REVOKE ALL ON FUNCTION people.state_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION people.state_of TO event_hub;

RESET ROLE;

-- Invite a person by name, or several with a label. Another invitation of that person's ends; somebody who was removed
-- is taken back. Gives 'yes', 'again' (the id or key is in use: choose another), 'ambassador', or how the name's owner
-- signs in where no invitation can give the name away.
CREATE FUNCTION people.invite(number text, who text, label text, uses integer, key_hash bytea, code_hash text,
                              expires_at timestamptz, by text, ambassadors text[])
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

-- End an invitation: nobody comes in with it any more. Who has come in with it stays.
CREATE FUNCTION people.revoke_invitation(which text, by text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    whose text;
BEGIN
    UPDATE people.invitation SET revoked_at = now() WHERE id = which AND revoked_at IS NULL
    RETURNING coalesce(name, label) INTO whose;
    IF whose IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO people.change (name, what, by) VALUES (whose, 'invitation revoked', revoke_invitation.by);
    RETURN true;
END $$;

-- Sign out who has left the event's organisations on GitHub, and nobody else: ambassadors come in by another way.
CREATE FUNCTION people.left_github(who bigint) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
    UPDATE people.github SET token = NULL WHERE number = who;
    SELECT people.sign_out(p.name) FROM people.person p WHERE p.identity = 'github:' || who
        AND NOT EXISTS (SELECT FROM people.ambassador a WHERE a.name = p.name);
$$;
ALTER FUNCTION people.left_github OWNER TO event_owner;
REVOKE ALL ON FUNCTION people.left_github FROM PUBLIC;

-- Who is shut out leaves no token behind.
CREATE FUNCTION people.forget_token() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE people.github SET token = NULL WHERE 'github:' || number = NEW.identity;
    RETURN NEW;
END $$;
CREATE TRIGGER forget_token AFTER UPDATE OF state ON people.person FOR EACH ROW WHEN (NEW.state = 'removed')
    EXECUTE FUNCTION people.forget_token();
ALTER FUNCTION people.forget_token OWNER TO event_owner;
REVOKE ALL ON FUNCTION people.forget_token FROM PUBLIC;

ALTER FUNCTION people.invite OWNER TO event_owner;
ALTER FUNCTION people.revoke_invitation OWNER TO event_owner;
REVOKE ALL ON FUNCTION people.invite, people.revoke_invitation FROM PUBLIC;
GRANT EXECUTE ON FUNCTION people.invite, people.revoke_invitation TO event_web;
GRANT EXECUTE ON FUNCTION people.left_github TO event_hub;
