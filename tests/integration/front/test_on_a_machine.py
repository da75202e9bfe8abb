"""The roles nginx and certificates on a booted machine, with a real issuer beside it."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

import divebell
from front import ROLES
from issuer import Issuer, Place, issuer
from live import until
from target import Target, booted_target, docker_command

NAME = "dive.example.org"
PACKAGES = "cryptography pydantic rich ruamel.yaml tzdata"
pytestmark = pytest.mark.timeout(900)
PLAY = """
- name: nginx and certificates alone
  hosts: target
  gather_facts: true
  roles:
    - role: nginx
    - role: certificates
"""


@dataclass(frozen=True)
class Machine:
    """The machine, who issues certificates for it, and what the roles are told."""

    target: Target
    issuer: Issuer
    variables: dict

    def play(self) -> str:
        """Play the two roles; give Ansible's summary of what changed."""
        folder = self.target.folder
        (folder / "play.yml").write_text(PLAY)
        (folder / "variables.json").write_text(json.dumps(self.variables))
        words = [
            *(Path(sys.executable).with_name("ansible-playbook"), "-i", "target,", "-u", "root"),
            *("-e", f"@{folder / 'variables.json'}", folder / "play.yml"),
        ]
        environment = {**self.target.environment, "ANSIBLE_ROLES_PATH": str(ROLES)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return next(line for line in done.stdout.splitlines() if line.startswith("target"))

    def standing(self) -> dict:
        return json.loads(self.target.ssh("cat /srv/divebell/event/.divebell/certificate.json").stdout)

    def trusted(self) -> bool:
        root = self.target.folder / "root.pem"
        root.write_text(self.issuer.root)
        words = ["openssl", "s_client", "-connect", f"{self.target.address}:443", "-servername", NAME]
        said = subprocess.run([*words, "-CAfile", root], input=b"", capture_output=True, check=False)
        return b"Verify return code: 0 (ok)" in said.stdout


def gateway(target):
    shown = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}"
    return docker_command("inspect", "--format", shown, target.name).stdout.strip()


def bring_divebell(target):
    """Give the machine as much of divebell as keeps a certificate; role `program` brings all of it."""
    target.ssh(
        "apt-get update -qq && apt-get install -qq -y --no-install-recommends python3-venv", timeout=600
    )
    target.ssh(
        f"python3 -m venv /opt/divebell/venv && /opt/divebell/venv/bin/pip -q install {PACKAGES}", timeout=600
    )
    packages = target.ssh("ls -d /opt/divebell/venv/lib/python3*/site-packages").stdout.strip()
    target.put(Path(divebell.__file__).parent, f"{packages}/divebell")
    target.ssh("mkdir -p /etc/divebell /srv/divebell/event/.divebell")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine")
    with booted_target() as target:
        bring_divebell(target)
        place = Place(listens=gateway(target), leads_to=target.address)
        with issuer(folder / "issuer", 80, place=place) as running:
            target.put(running.bundle, "/usr/local/share/ca-certificates/issuer.crt")
            target.ssh("update-ca-certificates")
            variables = {
                "divebell_venv": "/opt/divebell/venv",
                "divebell_certificates": "/srv/divebell/certificates",
                "divebell_state": "/srv/divebell/event/.divebell",
                "divebell_port": 8000,
                "divebell_server_name": NAME,
                "divebell_server_name_is_ip": False,
                "divebell_public_address": f"https://{NAME}/",
                "divebell_chain": "",
                "divebell_key": "",
                "divebell_issuer_bundle": "",
                "event": {"name": "A test", "people": {}, "https": {"issuer": running.directory}},
            }
            yield Machine(target, running, variables)


def test_a_bare_machine_gets_a_certificate_and_a_second_play_changes_nothing(machine):
    machine.play()
    assert machine.standing()["shown"] == "automatic", machine.standing()
    until(machine.trusted, "nginx does not show the certificate")
    assert machine.issuer.orders == 1
    assert "changed=0 " in machine.play()
    assert machine.issuer.orders == 1
    away = httpx.get(
        f"https://{machine.target.address}/", headers={"Host": NAME}, verify=False
    )  # nothing is behind it
    assert (away.status_code, "tries again by itself" in away.text) == (503, True)


def test_the_timer_renews_it_by_its_hardened_unit(machine):
    target = machine.target
    before = target.ssh("sha256sum /srv/divebell/certificates/server.pem").stdout
    target.ssh("rm /srv/divebell/certificates/automatic.pem")  # as if it had run out
    target.ssh("systemctl start divebell-certificates.service", timeout=200)
    assert target.ssh("sha256sum /srv/divebell/certificates/server.pem").stdout != before
    until(machine.trusted, "nginx does not show the new certificate")
    assert machine.issuer.orders == 2
    assert "divebell-certificates.timer" in target.ssh("systemctl list-timers --all").stdout
    assert target.ssh("stat -c %a /srv/divebell/event/.divebell/certificate.json").stdout.strip() == "644"


def test_nginx_comes_back_when_it_is_killed_and_after_a_reboot(machine):
    target = machine.target
    target.ssh("kill -9 $(cat /run/nginx.pid)")
    until(machine.trusted, "nginx did not come back")
    target.reboot()
    until(machine.trusted, "nginx did not come back after a reboot")


def test_a_configuration_that_nginx_refuses_is_not_taken(machine):
    target = machine.target
    before = target.ssh("cat /etc/nginx/divebell.conf").stdout
    broken = Machine(target, machine.issuer, {**machine.variables, "nginx_largest_upload": "a lot"})
    with pytest.raises(AssertionError, match="failed to validate"):
        broken.play()
    assert target.ssh("cat /etc/nginx/divebell.conf").stdout == before
    assert machine.trusted()
