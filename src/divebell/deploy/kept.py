"""What of an event must survive its machine: passwords and certificates, copied beside the event file."""

from __future__ import annotations

import json
from pathlib import Path

from divebell.deploy import ssh
from divebell.deploy.host import Host
from divebell.errors import DivebellError
from divebell.event import Secrets, State
from divebell.event.state import write_private

SECRETS, CERTIFICATES = "secrets.json", "certificates.tar"
READ_SECRETS = "cat /srv/divebell/event/.divebell/secrets.json"
PACK_CERTIFICATES = "[ ! -d /srv/divebell/certificates ] || tar -C /srv/divebell -c certificates"


def kept_folder(state: State) -> Path:
    """Give the folder that holds the copies."""
    return state.folder / "server"


def as_root(script: str) -> str:
    """Give a script that runs another one as root, whoever signs in. Pure."""
    quoted = script.replace("'", "'\\''")
    return f"if [ \"$(id -u)\" = 0 ]; then sh -c '{quoted}'; else sudo -n sh -c '{quoted}'; fi"


def fetch_kept(host: Host, state: State, sockets: Path) -> Secrets:
    """Bring copies of passwords and certificates from the server, and give the passwords.

    Raises DivebellError when the server has none.
    """
    folder = kept_folder(state)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = ssh.run(host, as_root(READ_SECRETS), sockets=sockets)
    if told.returncode:
        raise DivebellError(
            f"{host.name} has no passwords yet: {told.stderr.decode(errors='replace').strip()}",
            next_step="divebell deploy",
        )
    text = told.stdout.decode()
    secrets = Secrets(**json.loads(text))
    write_private(folder / SECRETS, text)
    packed = ssh.run(host, as_root(PACK_CERTIFICATES), sockets=sockets)
    if packed.returncode == 0 and packed.stdout:
        _write_private_bytes(folder / CERTIFICATES, packed.stdout)
    return secrets


def _write_private_bytes(path: Path, contents: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.touch(mode=0o600)
    temporary.chmod(0o600)
    temporary.write_bytes(contents)
    temporary.replace(path)
