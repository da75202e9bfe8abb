-- Write down what was done; the same to the same person within a minute is counted, not written again.
WITH again AS (
    UPDATE watch.intervention SET times = times + 1, last_at = clock_timestamp()
    WHERE id = (SELECT id FROM watch.intervention WHERE role = %(role)s AND what = %(what)s
                AND at > clock_timestamp() - interval '1 minute' ORDER BY id DESC LIMIT 1)
    RETURNING id
)
INSERT INTO watch.intervention (role, what, "limit", detail, query)
SELECT %(role)s, %(what)s, %(limit)s, %(detail)s, %(query)s WHERE NOT EXISTS (SELECT FROM again)
