SELECT detail, extract(epoch FROM clock_timestamp() - at)::float8 AS silent,
       (SELECT coalesce(sum(times), 0)::bigint FROM watch.intervention WHERE last_at > now() - interval '1 hour')
       AS interventions
  FROM watch.heartbeat
