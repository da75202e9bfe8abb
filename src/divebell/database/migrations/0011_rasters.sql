-- Rasters of the event that maps draw: a row for each GeoTIFF, beside its row in catalogue.dataset.
SET ROLE event_owner;

CREATE TABLE catalogue.raster (
    table_name  text PRIMARY KEY REFERENCES catalogue.dataset (table_name) ON UPDATE CASCADE ON DELETE CASCADE,
    version     text NOT NULL,  -- the name of its files in the state folder
    facts       jsonb,          -- divebell.pipeline.reading.frames.Raster; NULL where it cannot be drawn
    reason      text,           -- why it cannot be drawn
    CHECK ((facts IS NULL) <> (reason IS NULL))
);
GRANT SELECT ON catalogue.raster TO event_reader;

RESET ROLE;
CREATE TRIGGER announce AFTER INSERT OR UPDATE OR DELETE ON catalogue.raster
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue.announce();
