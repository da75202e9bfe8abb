"""The machine that the other tests deploy to is a whole one."""

import pytest

from target import Target, booted_target

pytestmark = pytest.mark.timeout(900)


def test_a_machine_boots_whole_and_keeps_its_files_over_a_reboot_and_a_power_cut(bare: Target) -> None:
    assert bare.ssh("systemctl is-system-running --wait").stdout.strip() == "running"
    assert bare.ssh("sudo -n id -un", user="admin").stdout.strip() == "root"
    assert bare.open_ports() == [22]
    bare.ssh("echo kept > /srv/note && sync")
    bare.reboot()
    assert bare.ssh("cat /srv/note").stdout == "kept\n"
    bare.power_cut()
    assert bare.ssh("cat /srv/note; systemctl is-system-running --wait").stdout == "kept\nrunning\n"


def test_a_machine_mounts_file_systems_from_files_and_limits_memory(bare: Target) -> None:
    bare.ssh("command -v mkfs.ext4 || (apt-get update -qq && apt-get install -y -qq e2fsprogs)")
    bare.ssh("truncate -s 20M /srv/disk && mkfs.ext4 -q /srv/disk && mount -o loop /srv/disk /mnt")
    assert "/dev/loop" in bare.ssh("grep /mnt /proc/mounts").stdout
    hog = "python3 -c \"print(len(b'x' * 200 * 1024**2))\""
    assert bare.ssh(f"systemd-run --quiet --pipe -p MemoryMax=50M {hog}", check=False).returncode != 0
    assert bare.ssh(f"systemd-run --quiet --pipe -p MemoryMax=500M {hog}").stdout.strip() == "209715200"


@pytest.mark.parametrize("python", [True, False])
def test_a_machine_comes_with_python_or_without(python: bool) -> None:
    with booted_target(python=python) as target:
        assert (target.ssh("python3 -V", check=False).returncode == 0) is python
