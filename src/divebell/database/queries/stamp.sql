-- Changes whenever the catalogue does.
SELECT coalesce((SELECT max(version) FROM catalogue.history), 0) AS version,
       (SELECT count(*) FROM catalogue.dataset) AS datasets,
       (SELECT coalesce(sum(cardinality(used_by)), 0) FROM catalogue.dataset) AS used,
       (SELECT count(*) FROM catalogue.failure) AS failures,
       (SELECT max(failed_at) FROM catalogue.failure) AS failed_at
