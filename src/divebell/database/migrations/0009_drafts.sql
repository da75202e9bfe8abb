-- Reads what is not shared, for those who may see it: maps of a volunteer's own tables. Nobody signs in as it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'event_drafts') THEN
        CREATE ROLE event_drafts;
    END IF;
END $$;
