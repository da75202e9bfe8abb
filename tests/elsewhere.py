"""What a deployed event reaches outside: a private repository over ssh and over https, and GitHub, on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deployment import ADDRESS, AUTHORITY, HOST, STATE, Deployment
from divebell.deploy.tls.authority import keep_authority
from divebell.event import State, load_event
from git_host import Clone, HttpsHost, SshHost, git, https_host, ssh_host
from github_standin import GitHubStandin, github

PROCESSES = """
cat /proc/[0-9]*/cmdline | tr '\\0' ' '
runuser -u divebell-web -- sh -c 'cat /proc/[0-9]*/environ 2> /dev/null' | tr '\\0' ' '
"""
"""Prints what `ps` shows to anybody, and what the web app's account may see of processes' variables."""
HUNT = """
cat > /dev/shm/needle
grep -rlaF -f /dev/shm/needle --exclude-dir=docker /etc /home /root /run /srv /tmp /var /var/lib/docker/containers 2> /dev/null
echo journal=$(journalctl --output=export --no-pager | grep -caF -f /dev/shm/needle)
rm /dev/shm/needle
"""
"""Prints the files that hold what comes on standard input, those of containers among them, and the journal's lines."""
HELD = (
    f"{STATE}/secrets.json",
    f"{STATE}/credentials/loader.json",
    "/run/credentials/divebell-loader.service/secrets.json",
)
"""Where the event's secrets about its repository are."""
TRUSTED = "/usr/local/share/ca-certificates/elsewhere.crt"


@dataclass(frozen=True)
class Elsewhere:
    """The hosts, and the working copy of somebody who pushes to the repository."""

    clone: Clone
    https: HttpsHost
    ssh: SshHost
    github: GitHubStandin

    def authors(self, branch: str) -> set[str]:
        """Give who wrote the commits of a branch of the repository; nobody where it is not there."""
        listed = git(self.clone.bare, "for-each-ref", "--format=%(refname:short)").split()
        return (
            set(git(self.clone.bare, "log", "--format=%an", branch).splitlines())
            if branch in listed
            else set()
        )


@contextmanager
def elsewhere(event: Deployment, folder: Path) -> Iterator[Elsewhere]:
    """Run the hosts where the event's machine reaches them; it is made to trust their certificate."""
    there = event.target.gateway
    known = State.beside(event.folder / "event.yaml")
    authority = keep_authority(known.authority, load_event(known.event_file).name, (HOST,), datetime.now(UTC))
    pair = folder / "hosts.pem"
    pair.write_bytes(authority.sign((there,), datetime.now(UTC)).pem())
    event.target.ssh(f"cp {AUTHORITY} {TRUSTED} && update-ca-certificates")
    clone = Clone.make(folder)
    with (
        https_host(folder, clone.bare, listens=there, pair=pair) as https,
        ssh_host(folder, clone.bare, listens=there) as ssh,
        github(f"{ADDRESS}hub/oauth_callback", listens=there, pair=pair) as standin,
    ):
        yield Elsewhere(clone, https, ssh, standin)
    event.target.ssh(f"rm {TRUSTED} && update-ca-certificates --fresh")
