-- What volunteers share: works, each in versions. The web app writes through the routines below and no other way;
-- the loader commits versions to the branch shared/<author> and writes what became of them.
CREATE SCHEMA shared AUTHORIZATION event_owner;
SET ROLE event_owner;

CREATE TABLE shared.work (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author         text NOT NULL CHECK (author ~ '^[a-z][a-z0-9_]{1,30}$'),
    path           text NOT NULL CHECK (octet_length(path) BETWEEN 1 AND 255),  -- on the author's branch
    slug           text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9._-]{0,99}$'),  -- in addresses
    kind           text NOT NULL CHECK (kind IN ('notebook', 'map', 'file')),
    title          text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    description    text NOT NULL DEFAULT '' CHECK (length(description) <= 2000),
    current        integer NOT NULL,                -- number of the newest version
    shared_at      timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    taken_back_at  timestamptz,                     -- NULL: everybody sees it
    taken_back_by  text,
    UNIQUE (author, path),
    UNIQUE (author, slug)
);

CREATE TABLE shared.version (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- the order in which they are committed
    work          bigint NOT NULL REFERENCES shared.work ON DELETE CASCADE,
    number        integer NOT NULL CHECK (number > 0),
    removes       boolean NOT NULL DEFAULT false,   -- takes the work back: nothing lies at its path any more
    title         text NOT NULL,                    -- as it was then
    contents      bytea,                            -- NULL: removes, taken back since, or too many versions ago
    size          bigint NOT NULL,
    sha256        bytea CHECK (octet_length(sha256) = 32),
    shared_by     text NOT NULL,                    -- the author; of a version that removes, who took it back
    shared_at     timestamptz NOT NULL DEFAULT now(),
    page          text,                             -- HTML made from the contents, for a frame that runs nothing
    unrendered    text,                             -- why there is no page
    committed_at  timestamptz,                      -- what follows is the loader's
    commit        text,                             -- NULL though committed: the branch was so already
    pushed_at     timestamptz,
    problem       text,                             -- why it is not committed or not pushed, in words
    UNIQUE (work, number)
);
CREATE INDEX ON shared.version (shared_at);
CREATE INDEX ON shared.version (id) WHERE committed_at IS NULL;

-- What the branches lack, oldest first.
CREATE VIEW shared.uncommitted AS
    SELECT v.id, v.work, v.number, w.author, w.path, w.kind, v.title, w.description, v.removes, v.contents, v.size,
           v.sha256, v.shared_by, v.shared_at, v.problem
    FROM shared.version v JOIN shared.work w ON w.id = v.work
    WHERE v.committed_at IS NULL AND (v.removes OR v.contents IS NOT NULL);

-- What the gallery shows.
CREATE VIEW shared.gallery AS
    SELECT w.id, w.author, w.path, w.slug, w.kind, w.title, w.description, w.current, w.shared_at, w.changed_at, v.size,
           (SELECT count(*) FROM shared.version o WHERE o.work = w.id AND NOT o.removes AND o.contents IS NOT NULL)
               AS versions
    FROM shared.work w JOIN shared.version v ON v.work = w.id AND v.number = w.current
    WHERE w.taken_back_at IS NULL;

RESET ROLE;

-- Share something, or a new version of what lies at the same path. The same contents again are no new version.
CREATE FUNCTION shared.add(
    who text, "where" text, called text, what text, name text, words text, bytes bytea,
    OUT work bigint, OUT number integer, OUT slug text
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old shared.work;
    hash bytea := sha256(bytes);
    mega CONSTANT bigint := 1024 * 1024;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('divebell.shared'), hashtext(who));
    SELECT * INTO old FROM shared.work w WHERE w.author = who AND w.path = "where";
    IF old.taken_back_at IS NULL AND EXISTS (SELECT FROM shared.version v
            WHERE v.work = old.id AND v.number = old.current AND v.sha256 = hash AND v.contents IS NOT NULL) THEN
        UPDATE shared.work w SET title = name, description = words WHERE w.id = old.id;
        work := old.id; number := old.current; slug := old.slug;
        RETURN;
    END IF;
    IF (old.id IS NULL OR old.taken_back_at IS NOT NULL) AND
            (SELECT count(*) FROM shared.work w WHERE w.author = who AND w.taken_back_at IS NULL) >= 100 THEN
        RAISE EXCEPTION 'you share 100 works already: take one back first' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (SELECT count(*) FROM shared.version v WHERE v.shared_by = who AND v.shared_at > now() - interval '1 hour')
            >= 120 THEN
        RAISE EXCEPTION 'you shared 120 times within an hour: wait a little' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (SELECT coalesce(sum(v.size), 0) FROM shared.version v JOIN shared.work w ON w.id = v.work
        WHERE w.author = who AND v.contents IS NOT NULL) + length(bytes) > 200 * mega THEN
        RAISE EXCEPTION 'all you share would be more than 200 MB: take something back first'
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (SELECT coalesce(sum(v.size), 0) FROM shared.version v WHERE v.contents IS NOT NULL) + length(bytes)
            > 4096 * mega THEN
        RAISE EXCEPTION 'all that is shared at this event would be more than 4 GB: tell an ambassador'
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF old.id IS NULL THEN
        slug := called;
        FOR again IN 2 .. 1000 LOOP
            EXIT WHEN NOT EXISTS (SELECT FROM shared.work w WHERE w.author = who AND w.slug = add.slug);
            slug := left(called, 95) || '-' || again;
        END LOOP;
        INSERT INTO shared.work AS w (author, path, slug, kind, title, description, current)
        VALUES (who, "where", add.slug, what, name, words, 1) RETURNING w.id INTO work;
        number := 1;
    ELSE
        work := old.id; number := old.current + 1; slug := old.slug;
        UPDATE shared.work w SET kind = what, title = name, description = words, current = add.number,
            changed_at = now(), taken_back_at = NULL, taken_back_by = NULL WHERE w.id = old.id;
        UPDATE shared.version v SET contents = NULL, page = NULL
        WHERE v.work = old.id AND v.number <= add.number - 20 AND v.committed_at IS NOT NULL;
    END IF;
    INSERT INTO shared.version (work, number, title, contents, size, sha256, shared_by)
    VALUES (add.work, add.number, name, bytes, length(bytes), hash, who);
END $$;

-- Take a work back: its contents are forgotten here, and the branch is told to remove it. `anybodys`: an ambassador's
-- right. False where there is no such work, or it is not theirs.
CREATE FUNCTION shared.take_back(which bigint, who text, anybodys boolean) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    old shared.work;
BEGIN
    SELECT * INTO old FROM shared.work w
    WHERE w.id = which AND w.taken_back_at IS NULL AND (anybodys OR w.author = who) FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE shared.version v SET contents = NULL, page = NULL, unrendered = NULL WHERE v.work = which;
    UPDATE shared.work w SET taken_back_at = now(), taken_back_by = who, changed_at = now(), current = old.current + 1
    WHERE w.id = which;
    INSERT INTO shared.version (work, number, removes, title, size, shared_by)
    VALUES (which, old.current + 1, true, old.title, 0, who);
    RETURN true;
END $$;

-- Keep the page made of a version, or why there is none.
CREATE PROCEDURE shared.keep_page(which bigint, nth integer, html text, reason text) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE shared.version v SET page = html, unrendered = reason
    WHERE v.work = which AND v.number = nth AND v.contents IS NOT NULL;
END $$;

CREATE FUNCTION shared.announce() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_catalog.pg_notify('shared', '');
    RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER INSERT ON shared.version FOR EACH STATEMENT EXECUTE FUNCTION shared.announce();

ALTER FUNCTION shared.add OWNER TO event_owner;
ALTER FUNCTION shared.take_back OWNER TO event_owner;
ALTER PROCEDURE shared.keep_page OWNER TO event_owner;
