"""All checks, in the order they are told."""

from __future__ import annotations

from divebell.doctor import (
    backups,
    containers,
    database,
    engine,
    files,
    host,
    limits,
    ports,
    rights,
    server,
    sign_in,
    tls,
    versions,
    volunteer,
    web,
)

SUBJECTS = {
    "ports": ports.CHECKS,
    "files": files.CHECKS,
    "database": database.CHECKS,
    "rights": rights.CHECKS,
    "volunteer": volunteer.CHECKS,
    "limits": limits.CHECKS,
    "versions": versions.CHECKS,
    "web": web.CHECKS,
    "sign_in": sign_in.CHECKS,
    "containers": containers.CHECKS,
    "engine": engine.CHECKS,
    "host": host.CHECKS,
    "tls": tls.CHECKS,
    "backups": backups.CHECKS,
    "server": server.CHECKS,
}
"""Each subject is a module of its own with its list."""

CHECKS = tuple(check for checks in SUBJECTS.values() for check in checks)
