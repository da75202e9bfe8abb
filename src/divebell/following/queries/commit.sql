-- What is known of a commit. $1: the commit.
SELECT p.id, p.started_at, p.finished_at, p.problem, b.looked_at, b.head, l.commit AS loaded,
       EXISTS (SELECT FROM following.hint WHERE looked_at IS NULL) AS waits
  FROM following.branch b
 CROSS JOIN catalogue.loader l
  LEFT JOIN LATERAL (SELECT * FROM following.pass WHERE commit = $1 ORDER BY id DESC LIMIT 1) p ON true
