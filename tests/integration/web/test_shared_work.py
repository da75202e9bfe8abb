"""Work that people share: taken from notebooks and the portal's form, refused with a reason, shown, taken back."""

import contextlib
import json
import time

import httpx
import pytest

from divebell.credentials import hash_of
from divebell.database import admin

PATH = "api/shared"


@pytest.fixture(autouse=True)
def nothing_shared(cluster):
    with admin(cluster.state) as database:
        database.execute("TRUNCATE shared.work CASCADE")


@pytest.fixture
def notebook_of(site):
    """Give the function that makes an HTTP client of a notebook server, as the hub would know its token."""

    def make(name, secret="hub-token-of-"):
        token = f"{secret}{name}"
        known = site.app.state.owners.tokens._known
        known[hash_of(token)] = (time.monotonic() + 10**6, name)
        client = site.client()
        client.headers["Authorization"] = f"token {token}"
        return client

    return make


def notebook(*sources, outputs=()):
    cells = [{"cell_type": "markdown", "metadata": {}, "source": source} for source in sources]
    cells.append(
        {
            "cell_type": "code",
            "metadata": {},
            "source": "1 + 1",
            "outputs": list(outputs),
            "execution_count": 1,
        }
    )
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def at(work, more=""):
    """Give a work's address as our clients take it."""
    return work["url"].removeprefix("/services/event/") + more


def share(client, path, contents, **words):
    return client.post(PATH, params={"path": path, **words}, content=contents)


def test_a_notebook_appears_in_the_gallery_at_once(notebook_of, client):
    with notebook_of("ana") as ana:
        answer = share(
            ana, "jobs/by county.ipynb", notebook("# Jobs *by* county"), description="What I found"
        )
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["author"], said["kind"], said["version"]) == ("ana", "notebook", 1)
    assert said["title"] == "Jobs *by* county"
    page = client.get("gallery").text
    assert "Jobs *by* county" in page
    assert "What I found" in page
    work = client.get(at(said))
    assert work.status_code == 200
    frame = client.get(at(said, "/frame"))
    assert "<em>by</em> county" in frame.text
    assert "sandbox" in frame.headers["content-security-policy"]
    assert "allow-same-origin" not in frame.headers["content-security-policy"]
    assert "allow-scripts" not in frame.headers["content-security-policy"]
    file = client.get(at(said, "/file"))
    assert file.content == notebook("# Jobs *by* county")
    assert file.headers["content-disposition"].startswith("attachment")


def test_sharing_again_is_a_new_version_and_earlier_ones_stay(notebook_of, client):
    with notebook_of("ana") as ana:
        first = share(ana, "a.txt", b"one").json()
        second = share(ana, "a.txt", b"two", title="Better").json()
        assert share(ana, "a.txt", b"two", title="Better").json()["version"] == 2
    assert (first["id"], first["version"]) == (second["id"], second["version"] - 1)
    assert client.get(at(first, "/file")).content == b"two"
    assert client.get(at(first, "/file"), params={"version": 1}).content == b"one"
    assert "earlier version" in client.get(at(first), params={"version": 1}).text
    for version in ("3", "0", "-1", "x", "9" * 30):
        assert client.get(at(first), params={"version": version}).status_code == 404


def test_its_author_takes_it_back_and_so_may_an_ambassador_and_nobody_else(notebook_of, client, cluster):
    ambassador = cluster.event.people.ambassadors[0]
    with notebook_of("ana") as ana, notebook_of("ben") as ben, notebook_of(ambassador) as lead:
        for taker, status in ((ana, 200), (lead, 200)):
            work = share(ana, "a.txt", b"one").json()
            assert ben.delete(f"{PATH}/{work['id']}").status_code == 403
            assert taker.delete(f"{PATH}/{work['id']}").status_code == status
            assert taker.delete(f"{PATH}/{work['id']}").status_code == 404
            for path in ("", "/frame", "/file"):
                assert client.get(at(work, path)).status_code == 404
    assert "a.txt" not in client.get("gallery").text


def test_it_is_taken_back_on_its_page(notebook_of, client):
    with notebook_of("ana") as ana:
        work = share(ana, "a.txt", b"one").json()
    assert "Take back" in client.get(at(work)).text
    url = at(work, "/take-back")
    assert client.post(url, data={"token": "wrong"}).status_code == 403
    assert "Keep it" in client.post(url, data={"token": "form-ana"}).text
    assert client.get(at(work)).status_code == 200
    assert client.post(url, data={"token": "form-ana", "confirmed": "yes"}).status_code == 303
    assert client.get(at(work)).status_code == 404


def test_the_portals_form_shares_and_no_other_sites_page_can(client):
    given = {"X-Form-Token": "form-ana"}
    assert client.post(PATH, params={"path": "a.txt"}, content=b"x", headers=given).status_code == 201
    for headers in (
        {},
        {"X-Form-Token": "form-ben"},
        {**given, "Origin": "https://evil.example"},
        {**given, "Sec-Fetch-Site": "cross-site"},
    ):
        answer = client.post(PATH, params={"path": "b.txt"}, content=b"x", headers=headers)
        assert answer.status_code == 403, headers
    work = client.get(PATH).json()["works"][0]
    assert client.delete(f"{PATH}/{work['id']}").status_code == 403
    assert client.delete(f"{PATH}/{work['id']}", headers=given).status_code == 200


def test_who_has_not_signed_in_shares_and_sees_nothing(site):
    with site.client() as stranger:
        assert share(stranger, "a.txt", b"x").status_code == 401
        assert stranger.get(PATH).status_code == 401
        assert stranger.get("gallery").status_code == 302
        assert stranger.get("gallery/ana/a/frame").status_code == 302


def test_a_personal_token_reads_and_does_not_share(site, client):
    page = client.post("tokens/make", data={"token": "form-ana", "label": "script"}).text
    token = page.split('class="token">')[1].split("<")[0]
    with site.client() as script:
        script.headers["Authorization"] = f"Bearer {token}"
        assert script.get(PATH).status_code == 200
        assert share(script, "a.txt", b"x").status_code == 401
        script.headers["Authorization"] = f"token {token}"
        assert share(script, "a.txt", b"x").status_code in {401, 503}


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "../a.txt", "a/../../b.txt", "/etc/passwd", ".git/config", "a/.git/hooks/x", ".env", "a//b", "a/./b",
        "C:\\a.txt", "a\nb.txt", "a\0.txt", "GIT~1/config", "-rf", "a.txt.", " ", "a" * 300, "/".join("abcdefghij"),
        "\u202ecod.exe", "a%2fb", "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace") + ":",
    ],
)  # fmt: skip
def test_odd_names_are_refused(notebook_of, path):
    with notebook_of("ana") as ana:
        answer = share(ana, path, b"x")
    assert answer.status_code == 422, answer.text
    assert answer.json()["next_step"]


@pytest.mark.parametrize(
    "path",
    ["Übersicht – Zürich.md", "日本/地図.txt", "a b (2).txt", "it's.txt", "r&d+x=1,2.txt", "%s.txt"[1:]],
)
def test_names_of_any_script_are_fine(notebook_of, client, path):
    with notebook_of("ana") as ana:
        work = share(ana, path, b"x").json()
    assert work["path"] == path
    assert client.get(at(work, "/file")).content == b"x"


@pytest.mark.parametrize(
    ("path", "contents", "words"),
    [
        ("a.ipynb", b"", "empty"),
        ("a.ipynb", b"{", "broken"),
        ("a.ipynb", b"\xff\xfe\x00", "broken"),
        ("a.ipynb", b"[" * 200_000, "broken"),
        ("a.ipynb", b"[]", "no notebook"),
        ("a.ipynb", b'{"cells": 3}', "no notebook"),
        ("a.ipynb", b'{"cells": [3]}', "no notebook"),
        ("a.ipynb", b'{"worksheets": []}', "no notebook"),
        ("a.ipynb", b'{"cells": []}', "is empty"),
        ("a.ipynb", b'{"cells": [{"cell_type": "code", "source": " "}]}', "is empty"),
        ("a.csv", b"1\n" * 600_000, "more than 1 MB"),
        ("a.geojson", b"1\n" * 600_000, "divebell.share"),
        ("a.png", bytes(11 * 1024**2), "larger than 10 MB"),
        ("a.py", b"\npassword = 'horse4battery'", "line 2: a password"),
        ("a.ipynb", notebook("fine", "password = 'horse4battery'"), "cell 2, line 1: a password"),
    ],
)
def test_what_cannot_be_shared_is_refused_with_a_reason(notebook_of, client, path, contents, words):
    with notebook_of("ana") as ana:
        answer = share(ana, path, contents)
    assert answer.status_code in {413, 422}, answer.text
    said = answer.json()
    assert words in f"{said['error']} {said['next_step']}"
    assert "horse4battery" not in answer.text
    assert client.get(PATH).json()["works"] == []


def test_the_notebook_servers_own_token_is_refused_wherever_it_stands(notebook_of):
    with notebook_of("ana", secret="0123456789abcdef") as ana:
        answer = share(ana, "a.txt", b"x 0123456789abcdefana y")
    assert answer.status_code == 422
    assert "notebook server" in answer.json()["error"]


def test_an_endless_upload_is_stopped(notebook_of):
    sent = 0

    def chunks():
        nonlocal sent
        while sent < 200:
            sent += 1
            yield bytes(1024**2)

    with notebook_of("ana") as ana:
        with contextlib.suppress(httpx.TransportError):  # the answer may come before all is sent
            assert ana.post(PATH, params={"path": "a.bin"}, content=chunks()).status_code == 413
        assert share(ana, "b.txt", b"x").status_code == 201
    assert sent < 200


def test_a_map_is_shared_by_its_link_where_everybody_may_see_it(notebook_of, client, table):
    table("shared_map", "SELECT 1 AS id, ST_SetSRID(ST_Point(1, 2), 4326) AS geom")
    link = "https://event.example/services/event/maps/data.shared_map#4.2/10.5/20.25&column=id"
    with notebook_of("ana") as ana:
        work = ana.post(PATH, params={"map": link, "title": "Where they are"}).json()
        assert (work["kind"], work["path"]) == ("map", "maps/where-they-are.map.json")
        for other in ("https://x/", "https://x/services/event/maps/", "https://x/services/event/maps/data.no_such",
                      "javascript:alert(1)", "https://x/services/event/maps/../people"):  # fmt: skip
            assert ana.post(PATH, params={"map": other, "title": "x"}).status_code == 422, other
    page = client.get(at(work)).text
    assert 'src="/services/event/maps/data.shared_map?embed=1#4.2/10.5/20.25&amp;column=id"' in page


def test_a_full_share_is_said_with_what_to_do(notebook_of, cluster):
    with admin(cluster.state) as database:
        for number in range(100):
            database.execute("SELECT shared.add('ana', %s, 'x', 'file', 'x', '', 'x')", (f"{number}.txt",))
    with notebook_of("ana") as ana:
        answer = share(ana, "more.txt", b"x")
    assert answer.status_code == 409
    assert "100 works" in answer.json()["error"]
    assert "take one back" in answer.json()["next_step"]
