"""Only some rows of a map, chosen by another column than the one that colours: in tiles, on the page, in its link."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import chromium
from map_page import choose, drawn, text, until, visit

EVERY = set(range(1, 11))


@pytest.fixture(scope="module")
def many(table):
    return table(
        "chosen_many",
        "SELECT i AS id, (i % 100)::float8 AS rate, (ARRAY['red', 'red', 'blue', NULL])[1 + i % 4] AS kind,"
        " ST_SetSRID(ST_MakePoint(-179 + 358 * ((i * 7919) % 100003) / 100003.0,"
        " -80 + 160 * ((i * 104729) % 99991) / 99991.0), 4326)::geometry(Point, 4326) AS geom"
        " FROM generate_series(1, 90000::bigint) i",
    )


@pytest.fixture(scope="module")
def squares(table):
    return table(
        "chosen_squares",
        "SELECT i AS id, i::float8 AS score, i - 5.5::float8 AS balance,"
        " CASE WHEN i % 2 = 0 THEN 'even & \"<b>\"' ELSE 'odd' END AS kind,"
        " ST_MakeEnvelope(i * 10 - 60, 0, i * 10 - 52, 8, 4326) AS geom FROM generate_series(1, 10) i",
    )


@pytest.fixture(scope="module")
def driver():
    with chromium() as one:
        yield one


def test_tiles_of_cells_and_whole_ones_hold_the_rows_chosen(many, squares, client, features):
    def found(name, query):
        return features(client.get(f"tiles/{name}/0/0/0.mvt?{query}"))

    def counted(query):
        return sum(one["count"] for one in found(many, query))

    assert counted("column=rate&by=kind&only=blue") == 22_500
    assert counted("column=kind&by=rate&min=10&max=19") == 9000
    assert counted("by=rate&min=10&max=19") == 9000
    assert {one["value"] for one in found(squares, "column=score&by=kind&only=odd")} == {1, 3, 5, 7, 9}
    assert client.get(f"tiles/{many}/0/0/0.mvt?column=rate&by=nothing&only=a").status_code == 400


def test_a_layer_that_is_drawn_from_memory_still_holds_the_rows_chosen(many, client, features):
    def counted(query):
        return sum(
            one["count"] for one in features(client.get(f"tiles/{many}/0/0/0.mvt?column=rate&{query}"))
        )

    for look in range(40):  # from some look on the answer comes from memory, which knows nothing of kinds
        assert counted(f"min={look / 100}") in {90_000, 89_100}
        assert counted(f"by=kind&only=blue&stat={'sum' if look % 2 else 'mean'}") == 22_500


def test_on_the_page_rows_are_chosen_by_any_column_and_the_link_keeps_it(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=score&scheme=equal&k=2&by=kind&only=odd")
    assert {one["id"] for one in drawn(driver)} == {1, 3, 5, 7, 9}
    assert "only rows where kind is odd" in text(driver, "notes")
    driver.find_element(By.CSS_SELECTOR, ".filter summary").click()
    until(driver, lambda one: one.find_elements(By.CSS_SELECTOR, "[data-choice=only][value=odd]:checked"))
    choose(driver, "by", "balance")
    until(driver, lambda one: {each["id"] for each in drawn(one)} == EVERY)
    field = until(driver, lambda one: one.find_element(By.CSS_SELECTOR, "[data-choice=min]"))
    field.send_keys("3", Keys.TAB)
    until(driver, lambda one: {each["id"] for each in drawn(one)} == {9, 10})
    assert "by=balance" in driver.current_url
    assert "only=" not in driver.current_url
    driver.refresh()
    assert {one["id"] for one in drawn(driver)} == {9, 10}
    assert {one["value"] for one in drawn(driver)} == {9, 10}
    choose(driver, "column", "kind")
    until(driver, lambda one: {each.get("value") for each in drawn(one)} == {"odd", 'even & "<b>"'})
    assert {one["id"] for one in drawn(driver)} == {9, 10}


def test_a_map_of_one_colour_shows_only_some_rows_too(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=")
    assert {one["id"] for one in drawn(driver)} == EVERY
    driver.find_element(By.CSS_SELECTOR, ".filter summary").click()
    until(driver, lambda one: one.find_elements(By.CSS_SELECTOR, "[data-choice=by] option[value=kind]"))
    choose(driver, "by", "kind")
    until(driver, lambda one: one.find_elements(By.CSS_SELECTOR, "[data-choice=only][value=odd]"))
    driver.find_element(By.CSS_SELECTOR, "[data-choice=only][value=odd]").click()
    until(driver, lambda one: {each["id"] for each in drawn(one)} == {2, 4, 6, 8, 10})


def test_a_link_that_names_a_column_that_is_gone_shows_all_rows(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=score&scheme=equal&k=2&by=renamed&only=odd")
    assert {one["id"] for one in drawn(driver)} == EVERY
