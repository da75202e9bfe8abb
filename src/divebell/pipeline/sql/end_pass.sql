-- The end of a pass, with what could not be loaded then: catalogue.failure knows only the present.
UPDATE following.pass p
   SET finished_at = clock_timestamp(), commit = %(commit)s, problem = %(problem)s,
       failures = (SELECT coalesce(jsonb_agg(jsonb_build_object(
                       'file', file, 'error', reason, 'changed', failed_at >= p.started_at) ORDER BY file), '[]')
                     FROM catalogue.failure)
 WHERE id = %(id)s
