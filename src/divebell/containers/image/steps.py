"""The image's Dockerfile, step by step. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ENVIRONMENT = "/opt/event"
"""The Python environment that every workspace has."""
PACKAGES = "/opt/packages"
"""What the event adds to it."""
CODE = "/opt/divebell"
"""divebell's own code, and what makes and tests the image."""
PYTHON = f"{ENVIRONMENT}/bin/python"
PATH = (
    f"{ENVIRONMENT}/bin",
    f"{PACKAGES}/bin",
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
)
"""Where a workspace finds its programs, apart from what the volunteer installs."""

DEBIAN = (
    "bash-completion",
    "bzip2",
    "ca-certificates",
    "curl",
    "file",
    "gdal-bin",
    "git",
    "git-lfs",
    "htop",
    "iptables",
    "jq",
    "less",
    "make",
    "nano",
    "openssh-client",
    "patch",
    "postgresql-client",
    "procps",
    "python3",
    "python3-venv",
    "rsync",
    "sqlite3",
    "tree",
    "unzip",
    "vim-tiny",
    "wget",
    "xz-utils",
    "zip",
)
"""What people expect in a terminal, by the names Debian and Ubuntu both have."""

VARIABLES = {
    "PATH": ":".join(PATH),
    "LANG": "C.UTF-8",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONNOUSERSITE": "1",
    "DO_NOT_TRACK": "1",
    "PLOOMBER_STATS_ENABLED": "false",
    "PLOOMBER_VERSION_CHECK_DISABLED": "1",
}
"""The last three: a package that jupysql brings would tell its makers who uses it."""

_UNNEEDED = ("doc/*", "man/*", "groff/*", "info/*", "lintian/*", "locale/*")


@dataclass(frozen=True)
class Step:
    """Some instructions of the Dockerfile, and what they are called while they run."""

    title: str
    text: str

    @property
    def instructions(self) -> int:
        """How many instructions these are; the engine counts them too."""
        lines = [line for line in self.text.splitlines() if line and not line.startswith("#")]
        return sum(not line.endswith("\\") for line in lines)


def steps(base: str) -> tuple[Step, ...]:
    """Give the steps of the workspace image on a base image, in their order."""
    return (
        Step("Debian's packages", _debian(base)),
        Step("the installer", _installer()),
        Step("Python's packages", _python()),
        Step("divebell's own code", _code()),
        Step("the event's packages", _packages()),
        Step("putting it together", _together()),
    )


def dockerfile(wanted: Sequence[Step]) -> str:
    """Write the Dockerfile."""
    return "\n\n".join(f"# {step.title}\n{step.text.strip()}" for step in wanted) + "\n"


def _debian(base: str) -> str:
    excluded = "\\n".join(f"path-exclude=/usr/share/{what}" for what in _UNNEEDED)
    packages = " \\\n      ".join(DEBIAN)
    return f"""
FROM {base} AS debian
RUN printf '{excluded}\\n' > /etc/dpkg/dpkg.cfg.d/workspace \\
 && export DEBIAN_FRONTEND=noninteractive \\
 && apt-get update -q \\
 && apt-get upgrade -q -y \\
 && apt-get install -q -y --no-install-recommends \\
      {packages} \\
 && apt-get clean \\
 && rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/*.log /var/log/apt \\
 && mkdir -p /usr/local/share /usr/local/etc \\
 && ln -s {PACKAGES}/share/jupyter /usr/local/share/jupyter \\
 && ln -s {PACKAGES}/etc/jupyter /usr/local/etc/jupyter
"""


def _installer() -> str:
    return """
FROM debian AS python
COPY builder /builder
COPY installer.lock /recipe/
RUN . /builder/environment \\
 && python3 -m venv /installer \\
 && /installer/bin/pip install -q --no-cache-dir --require-hashes -r /recipe/installer.lock
"""


def _python() -> str:
    site = "$(echo lib/python3.*/site-packages)"
    return f"""
COPY requirements.lock /recipe/
RUN . /builder/environment \\
 && /installer/bin/uv venv -q --python /usr/bin/python3 {ENVIRONMENT} \\
 && /installer/bin/uv pip install -q --python {PYTHON} --compile-bytecode --no-deps --only-binary :all: \\
      --require-hashes -r /recipe/requirements.lock \\
 && cd {ENVIRONMENT} \\
 && rm -f .lock \\
 && printf '{CODE}\\nimport site; site.addsitedir("{PACKAGES}/%s")\\n' "{site}" > {site}/event.pth
"""


def _code() -> str:
    return f"""
FROM python AS code
COPY code {CODE}
RUN {PYTHON} -m compileall -q {CODE}
"""


def _packages() -> str:
    return f"""
FROM python AS packages
COPY packages /recipe/
RUN . /builder/environment && {PYTHON} /recipe/packages.py /recipe/packages.in {PACKAGES}
"""


def _together() -> str:
    variables = " \\\n    ".join(f"{name}={value}" for name, value in VARIABLES.items())
    return f"""
FROM debian
ENV {variables}
COPY --from=python {ENVIRONMENT} {ENVIRONMENT}
COPY jupyter {ENVIRONMENT}/etc/jupyter
COPY --from=code {CODE} {CODE}
COPY --from=packages {PACKAGES} {PACKAGES}
ARG BASE_ID
RUN {PYTHON} {CODE}/manifest.py {ENVIRONMENT} "$BASE_ID" > {ENVIRONMENT}/MANIFEST
USER 65534:65534
WORKDIR /tmp
CMD ["bash"]
"""
