"""The texts of the cluster's configuration files. Pure: computed here, written by `cluster`."""

from __future__ import annotations

from dataclasses import dataclass

CONNECTIONS_FOR_PARTS = 60
"""Room for the event's own parts and for superusers besides the volunteers' connections."""
CONNECTIONS_COMING_IN = 100
"""Room for connections that have not said who they are; `authentication_timeout` ends those that never do."""

SUPERUSER = "postgres"
SERVICE_ROLES = ("event_hub", "event_loader", "event_web", "event_tiles", "event_watchdog")
LOOPBACK = "127.0.0.1"

_MEGABYTE = 1024**2
_LOCKS = 256
_LOCK_SLOTS = 150_000
"""As many locks the server keeps room for at least, whatever the number of connections (270 bytes each)."""


@dataclass(frozen=True)
class Server:
    """What one event's server is made for."""

    port: int
    connections: int
    """Connections of all volunteers together."""
    memory_bytes: int
    """Memory of the machine, which runs everything else too."""
    gateway: str | None = None
    """This machine's address in the containers' network, while notebooks run in containers."""
    subnet: str | None = None
    """That network's addresses."""

    @property
    def max_connections(self) -> int:
        """Connections of everybody together."""
        return self.connections + CONNECTIONS_FOR_PARTS + CONNECTIONS_COMING_IN

    @property
    def locks_per_connection(self) -> int:
        """Give `max_locks_per_transaction`: a table of locks for all, smaller a share where they are many."""
        return max(64, min(_LOCKS, _LOCK_SLOTS // self.max_connections))

    @property
    def shared_buffers(self) -> int:
        """Memory that all sessions share, in bytes."""
        return min(max(self.memory_bytes // 8, 128 * _MEGABYTE), 2048 * _MEGABYTE)


def postgresql_conf(server: Server) -> str:
    """Give postgresql.conf. PostgreSQL leaves out an address that is not there, with a line in its log."""
    addresses = ",".join(filter(None, (LOOPBACK, server.gateway)))
    return f"""\
# Written by divebell at each start. Own settings: ALTER SYSTEM, which writes postgresql.auto.conf.
cluster_name = 'divebell'
listen_addresses = '{addresses}'
port = {server.port}
unix_socket_directories = '../socket'   # relative to the data folder: an absolute path may be too long
unix_socket_permissions = 0700
max_connections = {server.max_connections}
superuser_reserved_connections = 5
password_encryption = 'scram-sha-256'
authentication_timeout = '10s'
tcp_keepalives_idle = '60s'
client_connection_check_interval = '10s'

shared_buffers = '{server.shared_buffers // _MEGABYTE}MB'
effective_cache_size = '{max(server.memory_bytes // _MEGABYTE // 2, 256)}MB'
work_mem = '16MB'
maintenance_work_mem = '128MB'
max_parallel_workers_per_gather = 1
max_locks_per_transaction = {server.locks_per_connection}
jit = off

wal_level = minimal
max_wal_senders = 0
max_logical_replication_workers = 0
wal_compression = on
min_wal_size = '80MB'
max_wal_size = '1GB'
checkpoint_timeout = '15min'

log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%t %u@%d [%p] '
log_statement = 'none'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_lock_waits = on
timezone = 'UTC'
log_timezone = 'UTC'
"""


def pg_hba_conf(subnet: str | None = None) -> str:
    """Give pg_hba.conf: who may come in, from where, and how. Whatever is not named is refused."""
    roles = ",".join(("+volunteers", *SERVICE_ROLES))
    containers = f"host   event        +volunteers  {subnet}  scram-sha-256\n" if subnet else ""
    return f"""\
# Written by divebell at each start.
local  all          {SUPERUSER}  peer map=event
host   event        {roles}  {LOOPBACK}/32  scram-sha-256
{containers}local  all          all  reject
local  replication  all  reject
host   all          all  all  reject
host   replication  all  all  reject
"""


def pg_ident_conf(system_users: tuple[str, ...]) -> str:
    """Give pg_ident.conf: the accounts of this machine that may be the superuser, over the socket alone."""
    lines = [f'event  "{user}"  {SUPERUSER}\n' for user in dict.fromkeys(system_users)]
    return "# Written by divebell at each start.\n" + "".join(lines)
