"""The image of a bare cloud machine: Debian or Ubuntu with systemd and sshd, as a provider hands it over, and nothing else."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from divebell.containers.image.base import ensure_base
from divebell.containers.image.build import pack

NAME = "divebell-target"
BASE = "debian:12-slim"
"""What an event's own images are built on, whatever its machine runs."""
OLDEST = "12"
UBUNTU = ("24.04",)
"""Machines of these are tried on request: their base image is pulled, or the engine has it already."""
SYSTEM = "systemd systemd-sysv dbus openssh-server sudo ca-certificates iproute2 procps kmod less"
_OWN_AUTHORITIES = Path("/usr/local/share/ca-certificates")
_CARRIED = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "http_proxy", "https_proxy", "no_proxy")

INIT = """\
#!/bin/sh
# What a container has to be told before systemd takes it for a machine.
for each in /sys/fs/cgroup /sys/fs/cgroup/*; do
  mountpoint -q "$each" && mount -o remount,bind,rw "$each"
done
[ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
for number in $(seq 0 63); do [ -e /dev/loop$number ] || mknod -m 660 /dev/loop$number b 7 $number; done
[ -e /dev/fuse ] || mknod -m 666 /dev/fuse c 10 229
for server in $NAMESERVERS; do echo "nameserver $server"; done > /etc/resolv.conf
[ -e /etc/ssh/ssh_host_ed25519_key ] || ssh-keygen -q -A
mount --make-rshared /  # as on a machine; systemd leaves it to the container's engine, and credentials need it
exec /lib/systemd/systemd
"""

DOCKERFILE = """\
FROM {base}
RUN rm -f /usr/sbin/policy-rc.d /etc/apt/apt.conf.d/docker-* /etc/dpkg/dpkg.cfg.d/docker* \\
 && apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends {packages} >/dev/null \\
 && apt-get clean && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* \\
 && useradd --create-home --shell /bin/bash admin \\
 && echo 'admin ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/90-cloud \\
 && systemctl mask -q getty.target console-getty.service e2scrub_reap.service e2scrub_all.timer \\
 && : > /etc/machine-id
COPY files/ /
RUN update-ca-certificates >/dev/null 2>&1; chmod 755 /sbin/target-init
CMD ["/sbin/target-init"]
"""


def release_asked() -> str:
    """Give what machines run: `DIVEBELL_TARGET_RELEASE`, a Debian's number or name or an Ubuntu's number.

    Left out, the oldest Debian we support.
    """
    return os.environ.get("DIVEBELL_TARGET_RELEASE") or OLDEST


def ensure_image(client: docker.DockerClient, release: str, *, python: bool = True) -> str:
    """Give the name of the machine's image, which is made if it is not there (half a minute)."""
    bare = f"ubuntu:{release}" if release in UBUNTU else f"debian:{release}-slim"
    base = ensure_base(client, bare, lambda _: None)
    packages = SYSTEM + (" python3" if python else "")
    contents = {"Dockerfile": DOCKERFILE.format(base=base, packages=packages), **_files()}
    digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()
    name = f"{NAME}:{release}-{digest[:12]}"
    try:
        client.images.get(name)
    except ImageNotFound:
        client.images.build(fileobj=pack(contents), custom_context=True, tag=name, rm=True, forcerm=True)
    return name


def _files() -> dict[str, str]:
    """Give what the machine has besides packages, by path: of this machine, what it reaches the registries with."""
    settings = {name: os.environ[name] for name in _CARRIED if name in os.environ}
    authorities = sorted(_OWN_AUTHORITIES.glob("*.crt"))
    files = {f"files{path}": path.read_text() for path in authorities}
    if authorities:
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        settings |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), bundle)
        files["files/etc/pip.conf"] = f"[global]\ncert = {bundle}\n"
    words = "".join(f"{name}={value}\n" for name, value in sorted(settings.items()))
    of_units = " ".join(f'"{name}={value}"' for name, value in sorted(settings.items()))
    return files | {
        "files/usr/sbin/target-init": INIT,  # COPY would make a folder of /sbin, which is a link
        "files/etc/environment": words,
        "files/etc/systemd/system.conf.d/environment.conf": f"[Manager]\nDefaultEnvironment={of_units}\n",
    }
