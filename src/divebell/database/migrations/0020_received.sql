-- How much of the event's disk each person's pushes take. Branches are neither rewritten nor deleted, so it only grows.
SET ROLE event_owner;
CREATE TABLE branches.received (
    name   text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]{1,30}$'),
    bytes  bigint NOT NULL CHECK (bytes >= 0)
);
GRANT SELECT ON branches.received TO event_web;
RESET ROLE;
