"""The sign-in page in a real browser: on a phone, without scripts, without a clipboard, for a password manager."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By

from browser import chromium
from visitor import click, wait

PHONE = (390, 844)


@pytest.fixture
def phone():
    with chromium(PHONE) as driver:
        yield driver


def sign_in(driver, hub, name, password):
    driver.get(f"{hub.url}/hub/login")
    driver.find_element(By.ID, "username").send_keys(name)
    driver.find_element(By.ID, "password").send_keys(password)
    driver.find_element(By.CSS_SELECTOR, "button[type=submit]").click()


def code_shown(driver):
    """Wait for the page with the return code; give it."""
    return wait(driver).until(lambda d: d.find_element(By.ID, "return-code").text)


def go_on(driver):
    click(driver, By.CSS_SELECTOR, "button[type=submit]")
    wait(driver).until(lambda d: "/services/event/" in d.current_url)


def no_wider_than_the_screen(driver):
    return driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("clipboard", ["here", "off", "off for good"])
def test_the_return_code_is_copied_or_ready_to_be_copied_by_hand(hub, phone, clipboard):
    off = "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
    dead = "Document.prototype.execCommand = () => false;"
    script = {"here": "", "off": off, "off for good": off + dead}[clipboard]
    phone.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
    sign_in(phone, hub, f"copy_{clipboard.replace(' ', '_')}", hub.password)
    code = code_shown(phone)
    assert no_wider_than_the_screen(phone)
    click(phone, By.ID, "copy")
    said = phone.find_element(By.ID, "copied")
    wait(phone).until(lambda _: said.text)
    assert ("by hand" in said.text) == (clipboard == "off for good")
    assert phone.execute_script("return getSelection().toString().trim()") == code
    go_on(phone)


def test_without_scripts_somebody_signs_in_and_sees_the_code(hub, phone):
    phone.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    sign_in(phone, hub, "plain", hub.password)
    assert len(code_shown(phone)) == 9
    assert not phone.find_element(By.ID, "copy").is_displayed()
    go_on(phone)


def test_a_password_manager_finds_one_name_and_one_password(hub, phone):
    phone.get(f"{hub.url}/hub/login")
    assert no_wider_than_the_screen(phone)
    forms = phone.find_elements(By.TAG_NAME, "form")
    assert len(forms) == 1
    hints = [
        field.get_attribute("autocomplete")
        for field in forms[0].find_elements(By.CSS_SELECTOR, "input:not([type=hidden])")
    ]
    assert hints == ["username", "current-password", "off"]
    sizes = [
        float(field.value_of_css_property("font-size")[:-2])
        for field in forms[0].find_elements(By.ID, "password")
    ]
    assert min(sizes) >= 16  # below it phones zoom into the field


def test_a_wrong_password_is_said_beside_the_form_with_the_name_still_there(hub, phone):
    sign_in(phone, hub, "wanda", "guess")
    wait(phone).until(lambda d: "do not go together" in d.find_element(By.ID, "sign-in-error").text)
    assert phone.find_element(By.ID, "username").get_attribute("value") == "wanda"
    assert phone.find_element(By.ID, "password").get_attribute("value") == ""
    wait(phone).until(lambda d: d.execute_script("return document.activeElement.id") == "password")
    assert "guess" not in phone.page_source
