SELECT file, reason, failed_at FROM catalogue.failure ORDER BY file
