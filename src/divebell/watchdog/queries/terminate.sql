-- End a session, unless it has ended by itself meanwhile.
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = %(pid)s AND backend_start = %(started)s AND pg_has_role(usesysid, 'volunteers', 'MEMBER')
