 UNION ALL
       (SELECT {id}NULL::int AS count{statistics}, {shape} AS geom
          FROM {t} t
         WHERE {g} && {box} AND {extent} > {width}{wanted}
         LIMIT {most})
