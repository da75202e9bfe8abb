SELECT activity, detail, commit, extract(epoch FROM clock_timestamp() - heartbeat)::float8 AS silent
  FROM catalogue.loader
