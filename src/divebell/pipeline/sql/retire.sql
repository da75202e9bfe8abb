-- The file is gone at this commit. What was said of a table that has retired before stays.
UPDATE catalogue.dataset
SET commit = %(commit)s, committed_at = %(committed_at)s, author = %(author)s, retired_at = now()
WHERE table_name = %(table)s AND retired_at IS NULL
