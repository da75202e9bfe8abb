-- What the loader asks before it looks at the branch.
SELECT (SELECT max(id) FROM following.hint WHERE looked_at IS NULL),
       EXISTS (SELECT FROM following.hint WHERE heard_at > now() - interval '1 day'),
       EXISTS (SELECT FROM pg_stat_activity WHERE usename ^@ 'v_'),
       b.looked_at, b.head, l.commit
  FROM following.branch b CROSS JOIN catalogue.loader l
