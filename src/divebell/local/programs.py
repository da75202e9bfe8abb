"""What runs: each part of the event as a command, and the supervisor's configuration made from them. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from divebell.event import Ports, Secrets

FOLDER = ".."
"""The event's folder as the parts see it: the supervisor and all parts run in the state folder."""


@dataclass(frozen=True)
class Program:
    """One part as the supervisor runs it."""

    name: str
    command: tuple[str, ...]
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    starts_with_supervisor: bool = False


def programs() -> tuple[Program, ...]:
    """Give the parts in the order they start. PostgreSQL starts first, alone: the others need its roles."""
    python = sys.executable
    return (
        Program(
            "postgres",
            (python, "-m", "divebell.database.serve", FOLDER),
            stop_signal="INT",
            stop_seconds=60,
            starts_with_supervisor=True,
        ),
        Program("proxy", (str(Path(python).parent / "traefik"), "--configFile=proxy/traefik.toml")),
        Program("hub", (python, "-m", "divebell.hub")),
        Program("web", (python, "-m", "divebell.web", FOLDER)),
        Program("loader", (python, "-m", "divebell.pipeline", FOLDER)),
        Program("watchdog", (python, "-m", "divebell.watchdog", FOLDER)),
    )


PARTS = ("postgres", "proxy", "hub", "web", "loader", "watchdog")
"""Names of the parts in the order they start."""


def supervisor_configuration(parts: tuple[Program, ...], ports: Ports, secrets: Secrets) -> str:
    """Render supervisord.conf for the parts of one event, with paths relative to the state folder.

    The supervisor takes orders on a loopback port with a password: a unix socket's path may be too long.
    """
    head = f"""\
[supervisord]
nodaemon=true
silent=true
logfile=logs/supervisor.log
logfile_maxbytes=2MB
logfile_backups=1
pidfile=run/supervisor.pid
childlogdir=logs
umask=077

[inet_http_server]
port=127.0.0.1:{ports.supervisor}
username=divebell
password={secrets.supervisor_password}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    return head + "".join(_section(order, part) for order, part in enumerate(parts))


def _section(order: int, part: Program) -> str:
    """Render one program.

    ``setpriv --pdeathsig`` ends a part when its supervisor is gone (even by kill -9), so that nothing
    runs on unwatched. ``startsecs=0`` makes each restart immediate and never given up.
    """
    command = ("setpriv", "--pdeathsig", part.stop_signal, "--", *part.command)
    return f"""
[program:{part.name}]
command={" ".join(_quote(word) for word in command).replace("%", "%%")}
priority={order}
autostart={str(part.starts_with_supervisor).lower()}
autorestart=true
startsecs=0
stopsignal={part.stop_signal}
stopwaitsecs={part.stop_seconds}
redirect_stderr=true
stdout_logfile=logs/{part.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""


def _quote(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
