SELECT md5(concat_ws(' ', (SELECT max(id) FROM shared.version), (SELECT max(changed_at) FROM shared.work),
    (SELECT md5(string_agg(title || description, '' ORDER BY id)) FROM shared.work),
    (SELECT max(committed_at) FROM shared.version), (SELECT max(pushed_at) FROM shared.version)))
