"""What the ambassador does on Thursday evening, and the first volunteer after her."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from deployment import ADDRESS, HOST, Deployment
from live import until
from visitor import COLOURS, claim, open_notebook, run_all_cells, wait

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def uma(event: Deployment) -> Iterator[object]:
    """Uma's browser, which trusts the event's authority, after she claimed her name."""
    until(lambda: "counties" in tables(event), "the data was not loaded", 120)
    with event.chromium() as driver:
        claim(driver, event, "uma")
        yield driver


def tables(event: Deployment) -> set[str]:
    shown = event.target.ssh("divebell data list /srv/divebell/event --json", check=False).stdout or "{}"
    return {each["table"] for each in json.loads(shown).get("datasets", [])}


def test_what_the_ambassador_needs_is_said_at_the_end(event: Deployment) -> None:
    assert event.facts["address"] == ADDRESS
    assert set(event.facts["ambassadors"]) == {"maria", "dan"}
    assert len(event.facts["password"]) >= 8


def test_the_page_comes_over_https_that_the_authority_vouches_for(event: Deployment) -> None:
    with event.client(follow_redirects=True) as client:
        page = client.get("/")
    assert page.status_code == 200
    assert page.url.host == HOST
    assert 'name="username"' in page.text


def test_from_the_address_to_a_cell_that_draws_in_a_container(event: Deployment, uma) -> None:
    open_notebook(uma)
    run_all_cells(uma)
    picture = wait(uma).until(
        lambda d: d.find_element(By.CSS_SELECTOR, '.jp-OutputArea-output[data-mime-type="image/png"] img')
    )
    assert picture.size["width"] > 200
    assert not uma.find_elements(By.CSS_SELECTOR, '[data-mime-type="application/vnd.jupyter.error"]')
    assert "uma" in event.containers()
    keep_picture(uma, "notebook")


def test_a_map_is_drawn(event: Deployment, uma) -> None:
    uma.get(f"{ADDRESS}services/event/maps/data.counties")
    wait(uma).until(lambda d: d.execute_script("return !!window.divebellMap"))
    seen = uma.execute_async_script(COLOURS)
    assert seen["features"] > 500
    assert len(seen["colours"]) >= 4
    keep_picture(uma, "map")


def keep_picture(driver, name: str) -> None:
    """Leave a picture for whoever wants to look: in the folder that DIVEBELL_PICTURES names."""
    if folder := os.environ.get("DIVEBELL_PICTURES"):
        driver.save_screenshot(str(Path(folder) / f"deployed-{name}.png"))
