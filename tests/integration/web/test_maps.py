"""The map page in a real Chromium, on real tables: what is drawn, in which colours, and what the page says of it."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser import chromium, complaints
from divebell.database import connect
from divebell.tiles.tile import Tiles
from map_page import choose, drawn, legend, text, until, visit
from signed_in import ROOT

HOSTILE = "<img src=x onerror=\"document.title='caught'\">"
GREY = "#b4b9be"


@pytest.fixture(scope="module")
def squares(table):
    return table(
        "squares",
        "SELECT i AS id, i::float8 AS score, '<img src=x onerror=\"document.title=1\">' || i AS words,"
        " 'https://a.example/' || i AS page, 'javascript:alert(1)' AS trap,"
        " CASE WHEN i > 8 THEN NULL WHEN i % 2 = 0 THEN 'even & \"<b>\"' ELSE 'odd' END AS kind,"
        " i - 5.5::float8 AS balance,"
        " ST_MakeEnvelope(i * 10 - 60, 0, i * 10 - 52, 8, 4326) AS geom FROM generate_series(1, 10) i",
    )


@pytest.fixture(scope="module")
def dots(table):
    return table(
        "dots",
        "SELECT i AS id, i * i::float8 AS people, 'Town ' || chr(64 + i) AS name,"
        " ST_SetSRID(ST_MakePoint(i * 5, 10), 4326) AS geom FROM generate_series(1, 9) i",
    )


@pytest.fixture(scope="module")
def driver():
    with chromium() as one:
        yield one


def test_every_feature_has_the_colour_that_the_legend_gives_its_class(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=score&scheme=equal&k=2")
    found = {one["id"]: one for one in drawn(driver) if one["kind"] == "areas"}
    assert {one["value"] for one in found.values()} == set(range(1, 11))
    (low, *first), (high, *second) = legend(driver)
    assert (first, second) == (["1 to 5.5", "5"], ["over 5.5 to 10", "5"])
    assert {one["colour"] for number, one in found.items() if number <= 5} == {low}
    assert {one["colour"] for number, one in found.items() if number > 5} == {high}
    assert low != high
    assert "Content Security Policy" not in " ".join(complaints(driver))


def test_a_column_that_crosses_zero_gets_two_hues(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=balance&scheme=diverging&k=4")
    found = drawn(driver)
    colours = {one["value"]: one["colour"] for one in found}
    below, above = colours[-4.5], colours[4.5]
    red = {side: int(colour[1:3], 16) - int(colour[5:7], 16) for side, colour in (("-", below), ("+", above))}
    assert red["-"] > 0 > red["+"]  # PuOr: orange below zero, purple above
    assert any(row[1].startswith("over 0") for row in legend(driver))


def test_kinds_have_colours_of_their_own_and_missing_ones_are_grey_and_counted(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=kind")
    found = drawn(driver)
    by_words = {words: (colour, count) for colour, words, count in legend(driver)}
    assert by_words["no value"] == (GREY, "2")
    assert by_words['even & "<b>"'][1] == by_words["odd"][1] == "4"
    assert {one["colour"] for one in found if one.get("value") == "odd"} == {by_words["odd"][0]}
    assert {one["colour"] for one in found if one["id"] > 8} == {GREY}


def test_the_areas_of_points_are_in_proportion_to_what_they_stand_for(driver, site, dots):
    visit(driver, site, f"maps/{dots}#column=&size=people&view=3/10/25")
    radius = {one["id"]: one["radius"] for one in drawn(driver)}
    assert radius[9] == pytest.approx(3 * radius[3], rel=0.02)
    assert any(words.startswith("people") for _, words, _ in legend(driver))


def test_a_choice_is_kept_in_the_address_and_survives_loading_anew(driver, site, squares):
    visit(driver, site, f"maps/{squares}")
    drawn(driver)
    assert "column=score" in driver.current_url  # the map chose: the first number that is a measure
    choose(driver, "scheme", "natural")
    until(driver, lambda one: "scheme=natural" in one.current_url)
    assert "view=" in driver.current_url
    driver.refresh()
    drawn(driver)
    assert driver.execute_script("return document.querySelector('[data-choice=scheme]').value") == "natural"


def test_only_some_rows_are_shown_and_the_page_says_which(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=score&scheme=equal&k=2&min=4&max=6")
    assert {one["id"] for one in drawn(driver)} == {4, 5, 6}
    assert "at least 4 and at most 6" in text(driver, "notes")
    driver.find_element(By.CSS_SELECTOR, ".filter summary").click()
    field = until(driver, lambda one: one.find_element(By.CSS_SELECTOR, "[data-choice=min]"))
    field.clear()
    field.send_keys("6", Keys.TAB)
    until(driver, lambda one: {each["id"] for each in drawn(one)} == {6})
    assert "min=6" in driver.current_url


def test_kinds_are_chosen_by_ticking_them(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=kind")
    drawn(driver)
    driver.find_element(By.CSS_SELECTOR, ".filter summary").click()
    box = until(driver, lambda one: one.find_element(By.CSS_SELECTOR, "[data-choice=only][value=odd]"))
    box.click()
    until(driver, lambda one: {each["id"] for each in drawn(one)} == {2, 4, 6, 8})
    driver.refresh()
    assert {one["id"] for one in drawn(driver)} == {2, 4, 6, 8}


def test_a_click_shows_every_column_as_text_and_only_web_addresses_as_links(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=score")
    drawn(driver)
    driver.execute_script("divebellMap.jumpTo({ center: [-46, 4], zoom: 5 })")
    drawn(driver)
    driver.find_element(By.CSS_SELECTOR, "canvas.maplibregl-canvas").send_keys(Keys.ENTER)
    popup = until(driver, lambda one: one.find_element(By.CSS_SELECTOR, ".maplibregl-popup-content"))
    until(driver, lambda one: "score" in popup.text)
    assert "<img src=x onerror=" in popup.text
    assert popup.find_elements(By.CSS_SELECTOR, "img") == []
    assert [one.get_attribute("href") for one in popup.find_elements(By.CSS_SELECTOR, "a")] == [
        "https://a.example/1"
    ]
    assert driver.title != "1"


def test_several_layers_lie_in_the_order_of_the_list(driver, site, squares, dots):
    visit(driver, site, f"maps/{squares}#column=score")
    drawn(driver)
    add = until(
        driver,
        lambda one: one.find_element(By.ID, "adding").is_displayed() and one.find_element(By.ID, "add"),
    )
    driver.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))", add, dots
    )
    until(driver, lambda one: {each["kind"] for each in drawn(one)} == {"areas", "points"})
    script = "return divebellMap.getStyle().layers.map((one) => one.id).filter((id) => /^(areas|points)-/.test(id))"
    order = driver.execute_script(script)
    assert order[-1].endswith("-1")  # what was added lies on top
    assert [card.text for card in driver.find_elements(By.CSS_SELECTOR, "#layers h3")] == ["dots", "squares"]
    driver.find_element(By.CSS_SELECTOR, "[aria-label='Draw dots below']").click()
    assert driver.execute_script(script)[-1].endswith("-0")
    assert f"layer={squares}" in driver.current_url
    driver.refresh()
    assert {each["kind"] for each in drawn(driver)} == {"areas", "points"}
    assert [card.text for card in driver.find_elements(By.CSS_SELECTOR, "#layers h3")] == ["squares", "dots"]
    driver.find_element(By.CSS_SELECTOR, "[aria-label='Take dots off the map']").click()
    until(driver, lambda one: {each["kind"] for each in drawn(one)} == {"areas"})


def test_a_place_is_found_by_its_name(driver, site, dots):
    visit(driver, site, f"maps/{dots}#column=people&view=3/10/25")
    drawn(driver)
    driver.find_element(By.ID, "find").send_keys("town c")
    found = "//ul[@id='found']//button[contains(., 'Town C')]"  # others are listed while it is typed
    until(driver, lambda one: one.find_element(By.XPATH, found).click() or True)
    popup = until(driver, lambda one: one.find_element(By.CSS_SELECTOR, ".maplibregl-popup-content"))
    until(driver, lambda one: "Town C" in popup.text)
    until(driver, lambda one: abs(one.execute_script("return divebellMap.getCenter().lng") - 15) < 0.5)


def test_what_is_in_view_can_be_read_as_a_table(driver, site, dots):
    visit(driver, site, f"maps/{dots}#column=people&view=3/10/25")
    drawn(driver)
    driver.find_element(By.ID, "list").click()
    table = until(driver, lambda one: one.find_element(By.CSS_SELECTOR, "#nearby table"))
    assert len(table.find_elements(By.CSS_SELECTOR, "tbody tr")) == 9
    assert "Town A" in table.text
    table.find_elements(By.CSS_SELECTOR, "button")[0].click()
    until(driver, lambda one: one.find_element(By.CSS_SELECTOR, ".maplibregl-popup-content"))


def test_too_many_features_are_counted_in_cells_and_the_page_says_so(driver, site, table):
    name = table(
        "gathered",
        "SELECT i AS id, ST_SetSRID(ST_MakePoint(-90 + sin(i) * 8, 40 + cos(i * 1.7) * 5), 4326) AS geom"
        " FROM generate_series(1, 150000) i",
    )
    visit(driver, site, f"maps/{name}#view=3/40/-90")
    found = drawn(driver)
    assert {one["kind"] for one in found} == {"grid"}
    assert "gathered" in driver.find_element(By.ID, "aggregated").text
    driver.execute_script("divebellMap.jumpTo({ center: [-90, 40], zoom: 10 })")
    assert {one["kind"] for one in drawn(driver)} == {"points"}
    assert not driver.find_element(By.ID, "aggregated").is_displayed()


def test_a_map_that_cannot_be_drawn_says_why(driver, site, table):
    name = table("unplaced", "SELECT 1 AS id, ST_MakePoint(530000, 180000) AS geom")
    visit(driver, site, f"maps/{name}")
    until(driver, lambda one: "does not say which coordinate system" in text(one, "status"))


def test_a_map_that_is_opened_while_the_database_starts_again_is_drawn_once_it_has(
    driver, site, squares, monkeypatch
):
    drawing, away = Tiles.drawing, iter(range(3))  # a read is made twice: the first answer fails

    async def at_first_away(self, layer, *who, **how):
        if layer.slug == squares and next(away, None) is not None:
            raise ConnectionError("the database is away")
        return await drawing(self, layer, *who, **how)

    monkeypatch.setattr(Tiles, "drawing", at_first_away)
    visit(driver, site, f"maps/{squares}#column=score")
    assert {one["id"] for one in drawn(driver)} == set(range(1, 11))
    assert next(away, None) is None


def test_an_open_map_follows_its_table_and_stays_where_it_is(driver, site, cluster, table):
    name = table("moving", "SELECT 1 AS id, 5.0 AS rate, ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom")
    visit(driver, site, f"maps/{name}#view=3/6/7&column=rate")
    assert len(drawn(driver)) == 1
    place = "const c = divebellMap.getCenter(); return [c.lng, c.lat, divebellMap.getZoom()]"
    before = driver.execute_script(place)
    driver.find_element(By.CSS_SELECTOR, ".filter summary").click()
    field = until(driver, lambda one: one.find_element(By.CSS_SELECTOR, "[data-choice=min]"))
    field.send_keys("1")
    with connect(cluster.state, "event_loader") as loader:
        loader.execute("INSERT INTO data.moving SELECT 2, 9.0, ST_SetSRID(ST_MakePoint(9, 9), 4326)")
    until(driver, lambda one: len(drawn(one)) == 2)
    assert driver.switch_to.active_element == field, "what somebody is choosing is not taken away"
    assert field.get_attribute("value") == "1"
    field.clear()
    assert [row[1] for row in legend(driver)] == ["5", "9"]
    assert driver.execute_script(place) == before
    with connect(cluster.state, "event_loader") as loader:
        loader.execute("DROP TABLE data.moving")
    until(driver, lambda one: "gone" in text(one, "status"))
    assert (
        driver.execute_script("return divebellMap.getStyle().layers.some((one) => /^points/.test(one.id))")
        is False
    )
    table("moving", "SELECT 1 AS id, 5.0 AS rate, ST_SetSRID(ST_MakePoint(5, 5), 4326) AS geom")
    until(driver, lambda one: len(drawn(one)) == 1)
    assert "gone" not in text(driver, "status")


def test_a_link_a_code_and_a_frame_keep_what_is_seen(driver, site, squares):
    visit(driver, site, f"maps/{squares}?embed=1#column=score&scheme=equal&k=3&view=4/2/-20")
    drawn(driver)
    driver.find_element(By.ID, "change").click()
    driver.find_element(By.ID, "share").click()
    link = until(driver, lambda one: one.find_element(By.ID, "link").get_attribute("value"))
    assert link.startswith(f"{site.address}{ROOT}maps/{squares}#")
    assert all(part in link for part in ("view=4/2/-20", "column=score", "scheme=equal", "k=3"))
    assert "embed=1" in driver.find_element(By.ID, "frame").get_attribute("value")
    width = driver.execute_script("const c = document.getElementById('code'); return c.hidden ? 0 : c.width")
    assert width > 20


def test_buttons_do_what_they_say_while_the_colours_are_still_counted(driver, site, squares):
    driver.execute_cdp_cmd("Fetch.enable", {"patterns": [{"urlPattern": "*/breaks?*"}]})  # held, not answered
    try:
        visit(driver, site, f"maps/{squares}#column=score")
        until(driver, lambda one: one.execute_script("return document.getElementById('legend').ariaBusy"))
        driver.find_element(By.ID, "share").click()
        assert f"maps/{squares}#" in driver.find_element(By.ID, "link").get_attribute("value")
    finally:
        driver.execute_cdp_cmd("Fetch.disable", {})
    assert {one["id"] for one in drawn(driver)} == set(range(1, 11))


def test_the_picture_that_is_saved_has_map_legend_and_attribution(driver, site, squares, tmp_path):
    visit(driver, site, f"maps/{squares}#column=score&scheme=equal&k=2")
    drawn(driver)
    driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    driver.find_element(By.ID, "save").click()
    until(driver, lambda _: [one for one in tmp_path.glob("*.png") if one.stat().st_size > 5000])
    from matplotlib import image

    saved = next(tmp_path.glob("*.png"))
    pixels = image.imread(saved)[:, :, :3]
    shades = {tuple(round(float(part) * 255) for part in pixel) for pixel in pixels.reshape(-1, 3)[::7]}
    for colour, _, _ in legend(driver):  # the swatches are drawn as opaque as they are in the legend
        assert tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) in shades
    assert saved.name.startswith("squares-")
    assert len(shades) > 50


@pytest.mark.parametrize(
    ("kind", "what", "column", "rows"),
    [
        ("nothing", "NULL::float8", "x", {"no value"}),
        ("one", "7::float8", "x", {"7", "no value"}),
        ("endless", "CASE i WHEN 1 THEN 'Infinity'::float8 WHEN 2 THEN 'NaN' ELSE i END", "x", {"no value"}),
        ("dates", "date '2021-01-01' + i", "x", {"2021-01-02"}),
        ("truths", "i % 2 = 0", "x", {"true", "false"}),
        ("long", "repeat('long ', 2000) || i", "x", set()),
        ("hostile", "i", HOSTILE, set()),
    ],
)
def test_columns_of_every_kind_are_drawn_and_none_is_read_as_html(
    driver, site, table, kind, what, column, rows
):
    quoted = '"' + column.replace('"', '""') + '"'
    name = table(
        f"kind_{kind}",
        f"SELECT i AS id, {what} AS {quoted}, ST_SetSRID(ST_MakePoint(i, 5), 4326) AS geom FROM generate_series(1, 4) i"
        f" UNION ALL SELECT 9, NULL, ST_SetSRID(ST_MakePoint(9, 5), 4326)",
    )
    from urllib.parse import quote

    visit(driver, site, f"maps/{name}#column={quote(column)}")
    assert len({one["id"] for one in drawn(driver)}) == 5
    words = {row[1] for row in legend(driver)}
    assert rows <= words
    assert driver.title != "caught"
    assert driver.find_elements(By.CSS_SELECTOR, "#page img") == []
    assert not driver.find_elements(By.CSS_SELECTOR, "#status.problem")


def test_two_hundred_columns_can_be_chosen_from(driver, site, table):
    columns = ", ".join(f"i * {n} AS column_{n}" for n in range(200))
    name = table(
        "wide", f"SELECT {columns}, ST_SetSRID(ST_MakePoint(i, 5), 4326) AS geom FROM generate_series(1, 9) i"
    )
    visit(driver, site, f"maps/{name}#column=column_199")
    assert {one["value"] for one in drawn(driver)} == {199 * i for i in range(1, 10)}


def test_everything_is_reached_with_the_keyboard_and_has_a_name(driver, site, squares):
    visit(driver, site, f"maps/{squares}#column=score")
    drawn(driver)
    nameless = """return [...document.querySelectorAll("#page button, #page select, #page input, #page summary, #page textarea")]
      .filter((one) => !one.textContent.trim() && !one.ariaLabel && !one.title && !one.labels?.length).map((one) => one.outerHTML)"""
    assert driver.execute_script(nameless) == []
    reached = set()
    driver.execute_script("document.getElementById('content').focus()")
    for _ in range(40):
        driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.add(
            driver.execute_script(
                "const a = document.activeElement; return a.id || a.dataset.choice || a.className"
            )
        )
    assert {
        "column",
        "scheme",
        "k",
        "palette",
        "opacity",
        "fit",
        "list",
        "share",
        "save",
        "maplibregl-canvas",
    } <= reached
    assert "coloured by score" in text(driver, "said")


def test_on_a_phone_map_and_legend_are_seen_at_once_and_the_rest_unfolds(site, squares):
    with chromium((390, 844)) as phone:
        visit(phone, site, f"maps/{squares}#column=score")
        drawn(phone)
        screen = "return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        assert phone.execute_script(screen) == [390, 844]
        bottom = "return document.getElementById('map').getBoundingClientRect().bottom"
        top = "return document.querySelector('.panel').getBoundingClientRect().top"
        assert phone.execute_script(bottom) <= phone.execute_script(top) + 1
        assert phone.execute_script("return document.getElementById('map').clientHeight") > 300
        assert not phone.find_element(By.ID, "share").is_displayed()
        phone.find_element(By.ID, "change").click()
        assert phone.find_element(By.ID, "share").is_displayed()
        assert phone.execute_script(screen)[0] == 390
