-- End the statement of a session, unless it has ended by itself meanwhile.
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
WHERE pid = %(pid)s AND backend_start = %(started)s AND query_start IS NOT DISTINCT FROM %(query_start)s
  AND pg_has_role(usesysid, 'volunteers', 'MEMBER')
