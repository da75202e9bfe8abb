SELECT number, title, size, shared_at, unrendered, commit, committed_at, pushed_at, problem
FROM shared.version WHERE work = $1 AND NOT removes AND contents IS NOT NULL
ORDER BY number DESC
