-- One row: its attributes as text, in the table's order, and its box in its own coordinates. $1: its id.
SELECT (SELECT json_agg(json_build_array(key, value)) FROM json_each_text(f.row)) AS attributes, f.bounds
  FROM (SELECT (SELECT row_to_json(r) FROM (SELECT {names}) r) AS row, {bounds} AS bounds FROM {t} t WHERE {condition}) f
