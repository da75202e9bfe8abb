"""What happens to a deployed event on Saturday: parts are killed, disks fill up, the power goes."""

import json
from collections.abc import Iterator

import httpx
import pytest

from deployment import PARTS, Deployment
from live import until
from volunteer import Browser, Kernel

pytestmark = pytest.mark.timeout(1500)

COUNT = "SELECT count(*) FROM kept"


@pytest.fixture(scope="module")
def kim(event: Deployment) -> Iterator[tuple[Browser, Kernel]]:
    """Kim at a kernel that remembers something."""
    browser, kernel = event.at_notebook("kim")
    kernel.run("import os; kept = os.getpid()")
    yield browser, kernel
    kernel.close()
    browser.client.close()


def page(browser: Browser, path: str) -> int | None:
    try:
        return browser.follow(path).status_code
    except httpx.TransportError:
        return None


def still_works(event: Deployment, browser: Browser, kernel: Kernel) -> None:
    """The page, the sign-in, the kernel with its variables, and the database."""
    until(event.answers, "the pages did not come back", 180)
    until(lambda: page(browser, "/user/kim/lab") == 200, "the notebook's page did not come back")
    kernel.connect()
    assert kernel.run("print(kept == os.getpid())").strip() == "True"
    until(lambda: browser.who() == "kim", "the hub does not know kim any more")
    rows = "import psycopg\nwith psycopg.connect('') as c: print(c.execute('SELECT 1').fetchone())"
    until(lambda: kernel.run(rows).strip() == "(1,)", "the database did not come back")


@pytest.mark.parametrize("part", [*PARTS, "homes"])
def test_a_part_is_killed_and_comes_back_while_a_kernel_goes_on(event: Deployment, kim, part: str) -> None:
    browser, kernel = kim
    event.target.ssh(f"systemctl start divebell-{part}")
    first = event.pid(part)
    event.target.ssh(f"kill -9 {first}")
    until(lambda: event.pid(part) not in {0, first}, f"{part} did not come back", 90)
    still_works(event, browser, kernel)


@pytest.mark.parametrize("unit", ["nginx", "systemd-journald"])
def test_what_the_event_stands_on_is_killed_and_comes_back(event: Deployment, kim, unit: str) -> None:
    browser, kernel = kim
    first = event.pid(unit, prefix="")
    event.target.ssh(f"systemctl kill --kill-whom=main --signal=KILL {unit}")
    until(lambda: event.pid(unit, prefix="") not in {0, first}, f"{unit} did not come back", 90)
    until(lambda: event.target.ssh(f"systemctl is-active {unit}", check=False).returncode == 0, unit, 90)
    still_works(event, browser, kernel)


def test_the_engine_is_restarted_and_containers_live_on(event: Deployment, kim) -> None:
    browser, kernel = kim
    before = event.containers()
    event.target.ssh("systemctl restart docker")
    assert event.containers() == before
    still_works(event, browser, kernel)
    _, newcomer = event.at_notebook("afterwards")
    newcomer.close()


def test_a_part_that_says_too_much_cannot_fill_the_disk_with_its_log(event: Deployment, kim) -> None:
    browser, kernel = kim
    event.target.ssh("head -c 80M /dev/urandom | base64 | systemd-cat --identifier=babble")
    still_works(event, browser, kernel)
    shown = event.target.ssh("systemd-analyze cat-config systemd/journald.conf").stdout
    assert "SystemMaxUse=" in [line[:13] for line in shown.splitlines()]


def test_volunteers_who_fill_their_tables_disk_stop_nobody_else(event: Deployment, kim) -> None:
    browser, kernel = kim
    big = "CREATE TABLE big AS SELECT repeat(md5(i::text), 40) AS t FROM generate_series(1, 2000000) AS i"
    said = kernel.run(
        f"with psycopg.connect('') as c:\n  c.execute('SET statement_timeout = 0')\n  c.execute({big!r})"
    )
    assert "DiskFull" in said or "No space left" in said
    still_works(event, browser, kernel)
    assert event.sql("SELECT count(*) > 0 FROM data.counties") == "True"


@pytest.mark.parametrize("ending", ["reboot", "power_cut"])
def test_after_a_reboot_or_a_power_cut_all_is_up_unattended_and_nothing_acknowledged_is_lost(
    event: Deployment, kim, ending: str
) -> None:
    browser, _ = kim
    page(browser, "/user/kim/lab")
    assert save(browser, f"{ending}.ipynb") in {200, 201}
    event.sql("CREATE TABLE IF NOT EXISTS kept (a int)")
    event.sql("INSERT INTO kept VALUES (1)")
    rows = int(event.sql(COUNT))
    getattr(event.target, ending)()
    event.wait_until_ready()
    assert int(event.sql(COUNT)) == rows
    until(event.is_ready, "not all parts came up", 180)
    assert event.target.ssh("systemctl is-system-running --wait", check=False).stdout.strip() == "running"
    browser.open_notebook("kim", seconds=300)
    answer = browser.api("GET", f"/user/kim/api/contents/{ending}.ipynb")
    assert answer.json()["content"]["cells"][0]["source"] == f"before the {ending}"
    assert started_in_order(event)


def save(browser: Browser, name: str) -> int:
    cell = {"cell_type": "markdown", "metadata": {}, "source": f"before the {name.removesuffix('.ipynb')}"}
    content = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    body = {"type": "notebook", "format": "json", "content": content}
    return browser.api("PUT", f"/user/kim/api/contents/{name}", json=body).status_code


def started_in_order(event: Deployment) -> bool:
    """Tell whether what was up first is what the others need: database before its migration before its users."""
    units = ["divebell-postgres", "divebell-migrate", "divebell-hub"]
    shown = event.target.ssh(
        f"systemctl show --property=ActiveEnterTimestampMonotonic --value {' '.join(units)}"
    ).stdout.split()
    times = [int(each) for each in shown]
    return times == sorted(times) and 0 not in times


def test_status_doctor_and_logs_work_from_the_organisers_machine(event: Deployment) -> None:
    status = event.status()
    assert json.dumps(status)
    doctor = event.run("doctor", check=False)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "nothing is open" in (doctor.stdout + doctor.stderr).lower() or doctor.returncode == 0
    assert event.run("logs", "hub", "--lines=5").stdout.strip()
