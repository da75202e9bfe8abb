-- What the watchdog did to one person in the last hours. $1: the person's role.
SELECT at, last_at, times, role, what, "limit", detail, query
  FROM watch.intervention
 WHERE role = $1 AND last_at > now() - interval '3 hours'
 ORDER BY last_at DESC, id DESC
 LIMIT 3
