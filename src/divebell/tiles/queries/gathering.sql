-- How many rows there are, and of those that can be drawn where their middle lies and what they are worth: 8 bytes for each
-- number, NaN for what is missing. One more than may be gathered, where there are more.
SELECT count(*) AS rows,
       pg_catalog.string_agg(pg_catalog.float8send(x) || pg_catalog.float8send(y){numbers}, '')
           FILTER (WHERE x BETWEEN {west} AND {east} AND y BETWEEN {south} AND {north}) AS places
  FROM (SELECT {x} AS x, {y} AS y{values} FROM {t} t LIMIT {most}) place
