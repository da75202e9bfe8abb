"""A volunteer's notebook server: what works in it with nothing typed, and what it cannot reach."""

from __future__ import annotations

import json
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from divebell.cli import main
from divebell.database import connect


@pytest.fixture(scope="module")
def nora(at_work):
    return at_work("nora")


@pytest.fixture(scope="module")
def paul(at_work):
    return at_work("paul")


def test_the_database_is_there_in_every_way_people_ask_for_it(nora):
    assert "v_nora" in nora.run("!psql -Atc 'select current_user'")
    assert "v_nora" in nora.run(
        "import psycopg\nwith psycopg.connect('') as c: print(c.execute('select current_user').fetchone())"
    )
    assert "v_nora" in nora.run("%sql select current_user")
    assert "v_nora" in nora.run("%%sql\nselect current_user")
    assert "POINT (1 2)" in nora.run(
        "import divebell, geopandas\n"
        "sql = 'select ST_MakePoint(1, 2) AS geom'\n"
        "print(geopandas.read_postgis(sql, divebell.engine(), geom_col='geom'))"
    )


def test_what_a_volunteer_writes_goes_to_their_own_schema(nora):
    nora.run(
        "import geopandas, pandas, divebell\n"
        "from shapely import Point\n"
        "places = geopandas.GeoDataFrame({'n': [1, 2]}, geometry=[Point(0, 0), Point(1, 1)], crs=4326)"
    )
    for mode in ("fail", "replace", "append"):
        assert nora.run(f"places.to_postgis('places', divebell.engine(), if_exists='{mode}')") == ""
    assert nora.run("pandas.DataFrame({'a': [1]}).to_sql('plain', divebell.engine(), index=False)") in (
        "1",
        "-1",
        "",
    )
    where = "select schemaname from pg_tables where tablename in ('places', 'plain')"
    assert nora.run(f'!psql -Atc "{where}"').split() == ["v_nora", "v_nora"]
    assert "4" in nora.run("%sql select count(*) from places")


def test_two_volunteers_see_of_each_other_only_what_is_shared(nora, paul):
    nora.run(
        "!psql -c 'create table secret_plan as select 1 AS a, ST_SetSRID(ST_MakePoint(1, 2), 4326) AS geom'"
    )
    assert "permission denied" in paul.run("!psql -c 'select a from v_nora.secret_plan'")
    shared = nora.run("import divebell\nprint(divebell.share('secret_plan'))")
    assert "/services/event/maps/v_nora.secret_plan" in shared
    assert "1" in paul.run("!psql -Atc 'select a from v_nora.secret_plan'")
    assert "gist" in nora.run(
        "!psql -Atc \"select indexdef from pg_indexes where tablename = 'secret_plan'\""
    )
    assert "permission denied" in paul.run("!psql -c 'drop table v_nora.secret_plan'") + paul.run(
        "!psql -c 'insert into v_nora.secret_plan (a) values (1)'"
    )
    nora.run("divebell.unshare('secret_plan')")
    assert "permission denied" in paul.run("!psql -c 'select a from v_nora.secret_plan'")
    assert "you have no table 'nothing'" in nora.run("divebell.share('nothing')")
    assert "permission denied" in paul.run("!psql -c 'create table data.mine (a int)'")


@pytest.mark.root
@pytest.mark.parametrize(
    "what",
    [
        "secrets.json",
        "ports.json",
        "homes/nora",
        "homes/nora/welcome.ipynb",
        "postgres/data/PG_VERSION",
        "hub",
        "proxy/rules",
    ],
)
def test_a_volunteer_cannot_read_what_is_not_theirs(hub, nora, paul, what):
    path = hub.folder.state.folder / what
    said = paul.run(
        f"import os\npath = {str(path)!r}\nprint((os.listdir if os.path.isdir(path) else open)(path))"
    )
    assert "Error" in said, said


@pytest.mark.root
def test_a_volunteer_is_an_ordinary_account_and_has_nothing_of_the_operators(hub, nora, paul):
    uids = {int(one.run("import os; print(os.getuid())")) for one in (nora, paul)}
    assert len(uids) == 2
    assert min(uids) > 860_000
    environment = json.loads(paul.run("import os, json; print(json.dumps(dict(os.environ)))"))
    assert "OPERATORS_SECRET" not in environment
    hidden = [hub.folder.secrets.event_password, hub.folder.secrets.proxy_token, hub.folder.secrets.web_token]
    assert not [secret for secret in hidden if secret in str(environment)]
    assert environment["PATH"].endswith("/usr/local/bin:/usr/bin:/bin")
    assert "not permitted" in paul.run("import os; os.setuid(0)")


def server_of(kernel):
    return psutil.Process(int(kernel.run("import os; print(os.getppid())")))


@pytest.mark.root
def test_a_server_has_given_up_every_privilege_for_good(nora):
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{server_of(nora).pid}/status").read_text().splitlines()
        if ":\t" in line
    )
    uid = nora.run("import os; print(os.getuid())").strip()
    assert status["Uid"].split() == status["Gid"].split() == [uid] * 4
    assert status["Groups"].strip() == ""
    assert status["NoNewPrivs"] == "1"
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}


@pytest.mark.root
def test_a_servers_memory_has_no_other_volunteers_secrets(nora, paul):
    secrets = {
        name: [
            secret.encode()
            for secret in json.loads(
                one.run(
                    "import os, json, pathlib\n"
                    "print(json.dumps([os.environ['PGPASSWORD'], os.environ['JUPYTERHUB_API_TOKEN']]))"
                )
            )
        ]
        for name, one in (("nora", nora), ("paul", paul))
    }
    for name, one in (("nora", nora), ("paul", paul)):
        memory = writable_memory(server_of(one).pid)
        other = "paul" if name == "nora" else "nora"
        assert all(secret in memory for secret in secrets[name])  # else we looked in the wrong place
        assert not any(secret in memory for secret in secrets[other])


def writable_memory(pid):
    pieces = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            extent, rights = line.split()[:2]
            if rights.startswith("rw"):
                begin, end = (int(number, 16) for number in extent.split("-"))
                memory.seek(begin)
                with suppress(OSError):  # it was given back meanwhile
                    pieces.append(memory.read(end - begin))
    return b"".join(pieces)


def test_settings_of_jupyterlab_and_what_is_thrown_away_stay_in_the_own_home(hub, nora):
    path = "/user/nora/lab/api/settings/@jupyterlab/apputils-extension:themes"
    answer = nora.browser.api("PUT", path, json={"raw": '{"theme": "JupyterLab Dark"}'})
    assert answer.status_code == 204, answer.text
    home = hub.folder.state.homes / "nora"
    [kept] = home.rglob("themes.jupyterlab-settings")
    assert "JupyterLab Dark" in kept.read_text()
    nora.run("open('thrown_away.txt', 'w').close()")
    assert nora.browser.api("DELETE", "/user/nora/api/contents/thrown_away.txt").status_code == 204
    assert not (home / "thrown_away.txt").exists()
    assert list(home.parent.glob(".local")) == []


def test_the_data_and_the_welcome_are_in_the_home(nora):
    assert "a,b" in nora.run("print(open('data/hello.csv').read())")
    assert "data" in nora.run("import os; print(os.listdir('event'))")
    for attempt in ("open('data/hello.csv', 'w')", "open('event/x', 'w')"):
        said = nora.run(attempt)
        assert "PermissionError" in said or "Read-only" in said
    welcome = json.loads(nora.run("print(open('welcome.ipynb').read())"))
    assert "Housing <loss> DataDive" in welcome["cells"][0]["source"]


def test_installed_packages_go_to_the_home_and_leave_the_events_environment_alone(hub, nora, tmp_path):
    wheel = tmp_path / "tiny_probe-1.0-py3-none-any.whl"
    info = "tiny_probe-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_probe.py", "WORDS = 'from the home'\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-probe\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    nora.browser.api(
        "PUT",
        f"/user/nora/api/contents/{wheel.name}",
        json={
            "type": "file",
            "format": "base64",
            "content": __import__("base64").b64encode(wheel.read_bytes()).decode(),
        },
    )
    said = nora.run(f"!pip install --no-index --no-deps ./{wheel.name}")
    assert "Successfully installed tiny-probe-1.0" in said
    assert "from the home" in nora.run("import tiny_probe; print(tiny_probe.WORDS)")
    assert "homes/nora" in nora.run("print(tiny_probe.__file__)")
    assert "already satisfied" in nora.run("%pip install --no-index numpy")


def test_a_file_called_like_a_module_does_not_keep_its_owner_out(nora):
    nora.run("open('random.py', 'w').write('raise SystemExit(1)'); open('sql.py', 'w').write('x = 1')")
    nora.browser.stop_notebook("nora")
    nora.browser.open_notebook("nora")
    page = nora.browser.follow("/user/nora/api/contents/random.py")
    assert page.status_code == 200


def test_the_roster_knows_who_came(hub, nora):
    with connect(hub.folder.state, "event_web") as database:
        rows = database.execute("SELECT name, reset FROM people.roster WHERE name = 'nora'").fetchall()
    assert rows == [("nora", False)]


def test_whoever_is_removed_is_out_of_the_notebook_too(hub, browser, at_work, capsys):
    at_work("ottilie")
    assert main(["people", "remove", "ottilie", str(hub.folder.folder)]) == 0
    assert "could not be stopped" not in capsys.readouterr().err
    token = {"Authorization": f"token {hub.folder.secrets.web_token}"}
    address = f"http://127.0.0.1:{hub.folder.ports.hub}/hub/api/users?state=active"
    until = time.monotonic() + 60
    while "ottilie" in (running := [one["name"] for one in httpx.get(address, headers=token).json()]):
        assert time.monotonic() < until, running
        time.sleep(0.5)
    refused = browser("127.0.0.41").sign_in("ottilie", hub.password)
    assert refused.status_code == 403
