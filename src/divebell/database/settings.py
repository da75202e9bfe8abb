"""The texts of the cluster's configuration files. Pure: computed here, written by `cluster`."""

from __future__ import annotations

CONNECTIONS_PER_VOLUNTEER = 6
CONNECTIONS_FOR_PARTS = 50
"""Room for the event's own parts and for superusers besides the volunteers' connections."""

SUPERUSER = "postgres"
SERVICE_ROLES = ("event_hub", "event_loader", "event_web")

_MEGABYTE = 1024**2


def postgresql_conf(port: int, people: int, memory_bytes: int) -> str:
    """Give postgresql.conf for `people` volunteers on a machine that runs everything else too."""
    memory = memory_bytes // _MEGABYTE
    return f"""\
# Written by divebell at each start. Own settings: ALTER SYSTEM, which writes postgresql.auto.conf.
cluster_name = 'divebell'
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '../socket'   # relative to the data folder: an absolute path may be too long
unix_socket_permissions = 0700
max_connections = {people * CONNECTIONS_PER_VOLUNTEER + CONNECTIONS_FOR_PARTS}
superuser_reserved_connections = 5
password_encryption = 'scram-sha-256'
authentication_timeout = '10s'
tcp_keepalives_idle = '60s'
client_connection_check_interval = '10s'

shared_buffers = '{min(max(memory // 8, 128), 2048)}MB'
effective_cache_size = '{max(memory // 2, 256)}MB'
work_mem = '16MB'
maintenance_work_mem = '128MB'
max_parallel_workers_per_gather = 1
max_locks_per_transaction = 256
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


def pg_hba_conf() -> str:
    """Give pg_hba.conf: who may come in, from where, and how. Whatever is not named is refused."""
    roles = ",".join(("+volunteers", *SERVICE_ROLES))
    return f"""\
# Written by divebell at each start.
local  all          {SUPERUSER}  peer map=event
host   event        {roles}  127.0.0.1/32  scram-sha-256
local  all          all  reject
local  replication  all  reject
host   all          all  all  reject
host   replication  all  all  reject
"""


def pg_ident_conf(system_users: tuple[str, ...]) -> str:
    """Give pg_ident.conf: the accounts of this machine that may be the superuser, over the socket alone."""
    lines = [f'event  "{user}"  {SUPERUSER}\n' for user in dict.fromkeys(system_users)]
    return "# Written by divebell at each start.\n" + "".join(lines)
