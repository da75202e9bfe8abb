-- How each person's own copy of the repository stands, as their notebook server says it.
CREATE SCHEMA copies AUTHORIZATION event_owner;
SET ROLE event_owner;

CREATE TABLE copies.state (
    name       text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
    files      integer NOT NULL CHECK (files >= 0),      -- that the event has
    yours      integer NOT NULL CHECK (yours >= 0),      -- changed or deleted by their owner
    conflicts  integer NOT NULL CHECK (conflicts >= 0),  -- changed by their owner, and by the event since
    missing    integer NOT NULL CHECK (missing >= 0),    -- not copied, for want of room or otherwise
    names      text[] NOT NULL CHECK (cardinality(names) <= 20 AND length(array_to_string(names, '')) <= 4000
                   AND coalesce(array_ndims(names), 1) = 1 AND array_position(names, NULL) IS NULL),
    words      text NOT NULL CHECK (length(words) <= 200),  -- what to do about what is missing
    told_at    timestamptz NOT NULL DEFAULT now(),
    news       text NOT NULL CHECK (length(news) <= 500),   -- what the event brought last
    news_at    timestamptz
);

RESET ROLE;

-- A procedure, because no view can call one: a volunteer's view runs as whoever reads it.
CREATE PROCEDURE copies.tell(files integer, yours integer, conflicts integer, missing integer, names text[], words text,
                             news text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT session_user ^@ 'v_' THEN
        RAISE EXCEPTION 'not the role of a person: %', session_user;
    END IF;
    INSERT INTO copies.state AS s (name, files, yours, conflicts, missing, names, words, news, news_at)
        VALUES (substr(session_user, 3), tell.files, tell.yours, tell.conflicts, tell.missing, tell.names, tell.words,
                tell.news, CASE WHEN tell.news <> '' THEN now() END)
        ON CONFLICT (name) DO UPDATE SET files = excluded.files, yours = excluded.yours,
            conflicts = excluded.conflicts, missing = excluded.missing, names = excluded.names,
            words = excluded.words, told_at = now(), news_at = coalesce(excluded.news_at, s.news_at),
            news = CASE WHEN excluded.news <> '' THEN excluded.news ELSE s.news END;
END $$;
ALTER PROCEDURE copies.tell OWNER TO event_owner;
