SELECT name, files, yours, conflicts, missing, names, words, news, news_at, told_at
FROM copies.state
WHERE name = $1 OR ($1 IS NULL AND (conflicts > 0 OR missing > 0)
    AND name NOT IN (SELECT name FROM people.roster WHERE state = 'removed'))
ORDER BY name
