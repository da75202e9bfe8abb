-- Rows by their names. $1: the pattern, $2: the text, $3: how many to give, $4: how many rows to look at.
SELECT id, place, label, bounds
  FROM (SELECT id, bounds, place, (ARRAY[{columns}])[place] AS label
          FROM (SELECT *, CASE {first} END AS place
                  FROM (SELECT {id} AS id, {bounds} AS bounds, {named} FROM {t} t
                         WHERE {g} IS NOT NULL LIMIT $4::int) few) matched
         WHERE place IS NOT NULL) found
 ORDER BY pg_catalog.starts_with(lower(label), lower($2::text)) DESC, place, length(label), label, id
 LIMIT $3::int
