"""What somebody does on a map page, and what they see there."""

from __future__ import annotations

from typing import Any

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from browser import complaints
from signed_in import COOKIE, ROOT
from visitor import wait

IDLE = """
const done = arguments[arguments.length - 1];
let calm = 0;
const timer = setInterval(() => {
  const map = window.divebellMap;
  const legend = document.querySelector("#legend");
  const ready = map && map.loaded() && map.areTilesLoaded() && legend && !legend.ariaBusy && legend.children.length;
  calm = ready ? calm + 1 : 0;
  if (calm < 3) return;
  clearInterval(timer);
  const drawn = map.getStyle().layers.filter((one) => /^(areas|lines|points|grid)-/.test(one.id)).map((one) => one.id);
  const found = map.queryRenderedFeatures({ layers: drawn });
  const property = { areas: "fill-color", lines: "line-color", points: "circle-color", grid: "circle-color" };
  const hex = ({ r, g, b }) => "#" + [r, g, b].map((n) => Math.round(n * 255).toString(16).padStart(2, "0")).join("");
  done(found.map((one) => {
    const kind = one.layer.id.split("-")[0];
    const radius = one.layer.paint["circle-radius"];
    return { kind, source: one.source, id: one.id ?? null, colour: hex(one.layer.paint[property[kind]]), radius, ...one.properties };
  }));
}, 100);
"""
"""Waits until the map is drawn; gives the drawn features with the colour each has been given."""


def visit(driver: Any, site: Any, path: str, name: str = "ana") -> None:
    """Open a page as `name`."""
    driver.get(f"{site.address}{ROOT}static/icon.svg")
    driver.add_cookie({"name": COOKIE, "value": site.cookie(name), "path": ROOT})
    driver.get("about:blank")
    driver.get(f"{site.address}{ROOT}{path}")


def drawn(driver: Any) -> list[dict[str, Any]]:
    """Give what the map draws once it has come to rest."""
    found: list[dict[str, Any]] = driver.execute_async_script(IDLE)
    return found


def legend(driver: Any) -> list[tuple[str, str, str]]:
    """Give colour, words and count of each row of the legend."""
    script = """return [...document.querySelectorAll("#legend tbody tr")].map((row) => {
      const [r, g, b] = (row.querySelector(".swatch").style.backgroundColor.match(/[0-9]+/g) ?? []).map(Number);
      const hex = "#" + [r, g, b].map((n) => (n ?? 0).toString(16).padStart(2, "0")).join("");
      return [hex, row.cells[1].textContent, row.cells[2].textContent];
    })"""
    return [tuple(row) for row in driver.execute_script(script)]


def choose(driver: Any, name: str, value: str, layer: int = 0) -> None:
    """Choose something in the card of a layer."""
    controls = driver.find_elements(By.CSS_SELECTOR, f"[data-choice={name}]")
    Select(controls[layer]).select_by_value(value)


def until(driver: Any, condition: Any) -> Any:
    """Wait until something holds in the browser; say what the page said where it does not."""
    try:
        return wait(driver).until(condition)
    except TimeoutException as error:
        error.msg = f"the page says {text(driver, 'status')!r}, the console {complaints(driver)}"
        raise


def text(driver: Any, element: str) -> str:
    """Give the text of the element with this id, shown or not."""
    return str(driver.execute_script("return document.getElementById(arguments[0]).textContent", element))
