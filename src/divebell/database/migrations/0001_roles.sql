-- Who there is and where things lie. What each role may do is in privileges.sql, which runs at every start.
-- Roles belong to the cluster, so they may be there already when the database is made anew.
DO $$
DECLARE
    who text;
BEGIN
    FOREACH who IN ARRAY ARRAY['event_owner', 'event_reader', 'volunteers',
                               'event_hub', 'event_loader', 'event_web'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = who) THEN
            EXECUTE format('CREATE ROLE %I', who);
        END IF;
    END LOOP;
END $$;

CREATE EXTENSION IF NOT EXISTS postgis SCHEMA public;

CREATE SCHEMA data AUTHORIZATION event_owner;   -- the event's datasets: everyone reads, the loader writes
CREATE SCHEMA stage AUTHORIZATION event_owner;  -- tables while they are being loaded: the loader alone
