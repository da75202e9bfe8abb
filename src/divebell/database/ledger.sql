-- Which migrations have run. Nobody but the superuser needs to know.
CREATE SCHEMA IF NOT EXISTS divebell;
CREATE TABLE IF NOT EXISTS divebell.migration (
    number      integer PRIMARY KEY,
    name        text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
);
