-- What the watchdog did last.
SELECT at, last_at, times, role, what, "limit", detail, query
  FROM watch.intervention
 ORDER BY last_at DESC, id DESC
 LIMIT 50
