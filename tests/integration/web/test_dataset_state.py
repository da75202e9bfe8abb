"""What there is to know about a dataset stands beside it, and appears by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from browser import chromium, complaints
from divebell.database import connect
from signed_in import COOKIE, ROOT

ROW = (
    "INSERT INTO catalogue.dataset (file, table_name, format, identity, commit, committed_at, author, rows, columns,"
    " warnings, load_seconds, retired_at, used_by) VALUES (%s, %s, 'csv', 'i', 'abcdef1234', now(), 'Maria', 3,"
    """ '[{"name": "id", "original": "ID", "type": "bigint", "nulls": 2}]', %s, 1, %s, %s)"""
)


@pytest.fixture
def loader(cluster: Any) -> Iterator[Any]:
    names = ("state_wells", "state_roads")
    with connect(cluster.state, "event_loader", autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE TABLE data.{name} (row_id integer PRIMARY KEY, id bigint)")
            connection.execute(f"GRANT SELECT ON data.{name} TO event_reader")
        yield connection
        for name in names:
            connection.execute(f"DROP TABLE data.{name}")
        connection.execute("DELETE FROM catalogue.dataset WHERE table_name = ANY(%s)", (list(names),))
        connection.execute("DELETE FROM catalogue.failure WHERE file = 'data/state_wells.csv'")


def test_warnings_failures_and_retirement_stand_beside_the_dataset(client: Any, loader: Any) -> None:
    used = ["view v_ann.deep (of v_ann)"]
    loader.execute(ROW, ("data/state_wells.csv", "state_wells", ["3 rows have no depth"], None, []))
    loader.execute(ROW, ("data/state_roads.csv", "state_roads", [], "2026-01-01", used))
    loader.execute(
        "INSERT INTO catalogue.failure (file, identity, reason, commit) "
        "VALUES ('data/state_wells.csv', 'again', 'view v_bob.x (of v_bob) still uses the old ones', 'c')"
    )
    front = client.get("").text
    wells = client.get("data/state_wells").text
    assert "the table stays as long as it is used by view v_ann.deep (of v_ann)" in front
    for page in (front, wells):
        assert "3 rows have no depth" in page
        assert "view v_bob.x (of v_bob) still uses the old ones" in page
        assert "table last changed" in page
    assert "<td>2</td><td>ID</td>" in wells


def test_a_page_shows_a_new_dataset_without_being_loaded_anew(site: Any, client: Any, loader: Any) -> None:
    before = client.get("api/datasets/stamp").json()
    assert client.get("api/datasets/stamp").json() == before
    with chromium() as driver:
        driver.get(f"{site.address}{ROOT}static/icon.svg")
        driver.add_cookie({"name": COOKIE, "value": site.cookie("ana"), "path": ROOT})
        driver.get(f"{site.address}{ROOT}")
        driver.execute_script("window.same = true")
        loader.execute(ROW, ("data/state_wells.csv", "state_wells", ["3 rows have no depth"], None, []))
        WebDriverWait(driver, 60).until(lambda one: "state_wells" in one.find_element(By.ID, "datasets").text)
        assert driver.execute_script("return window.same") is True
        assert [one for one in complaints(driver) if "favicon" not in one] == []
    assert client.get("api/datasets/stamp").json() != before
