"""Deploying again: the same changes nothing, a change changes what it names, and a kernel goes on."""

from collections.abc import Iterator

import pytest

from deployment import PARTS, Deployment
from volunteer import Browser, Kernel

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def zoe(event: Deployment) -> Iterator[tuple[Browser, Kernel]]:
    """Zoe at a kernel that remembers something."""
    browser, kernel = event.at_notebook("zoe")
    kernel.run("import os; kept = os.getpid()")
    yield browser, kernel
    kernel.close()
    browser.client.close()


def processes(event: Deployment) -> dict[str, int]:
    return {part: event.pid(part) for part in PARTS}


def remembers(kernel: Kernel) -> bool:
    kernel.connect()
    return kernel.run("print(kept == os.getpid())").strip() == "True"


def test_the_same_again_changes_nothing_and_restarts_nobody(event: Deployment, zoe) -> None:
    _, kernel = zoe
    before, containers = processes(event), event.containers()
    again = event.deploy()
    assert again["changed"] == []
    assert processes(event) == before
    assert event.containers() == containers
    assert remembers(kernel)


def test_a_dry_run_says_what_would_change_and_changes_nothing(event: Deployment) -> None:
    text = (event.folder / "event.yaml").read_text()
    before = event.target.ssh("sha256sum /srv/divebell/event/event.yaml").stdout
    event.edit("memory: 512 MB", "memory: 600 MB")
    said = event.run("deploy", "--dry-run")
    assert "600 MB" in said.stdout + said.stderr
    assert event.target.ssh("sha256sum /srv/divebell/event/event.yaml").stdout == before
    (event.folder / "event.yaml").write_text(text)


def test_more_memory_and_one_more_ambassador_come_while_a_kernel_goes_on(event: Deployment, zoe) -> None:
    _, kernel = zoe
    before = processes(event)
    event.edit("memory: 512 MB", "memory: 640 MB")
    event.edit(r"ambassadors: \[maria, dan\]", "ambassadors: [maria, dan, eve]")
    facts = event.deploy()
    assert set(facts["ambassadors"]) == {"maria", "dan", "eve"}
    after = processes(event)
    assert after["postgres"] == before["postgres"]
    assert after["proxy"] == before["proxy"]
    assert after["hub"] != before["hub"]
    assert remembers(kernel)
    assert event.browser().sign_in("eve", facts["ambassadors"]["eve"]).status_code == 302
    _, newcomer = event.at_notebook("yan")
    assert event.memory_of("yan") == 640 * 1024**2
    assert event.memory_of("zoe") == 512 * 1024**2
    newcomer.close()


def test_one_more_package_is_one_more_layer_and_new_servers_have_it(event: Deployment, zoe) -> None:
    _, kernel = zoe
    event.edit("cpus: 1", "cpus: 1\n  packages: [humanize]")
    event.deploy()
    assert remembers(kernel)
    _, newcomer = event.at_notebook("ben")
    assert newcomer.run("import humanize; print(humanize.intcomma(1000))").strip() == "1,000"
    newcomer.close()
