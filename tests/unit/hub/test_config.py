"""The event as JupyterHub's settings and the proxy's files."""

from __future__ import annotations

import tomllib

import pytest
from traitlets.config import Config

from divebell.event import Service
from divebell.hub.config import configure
from divebell.hub.proxy import proof, rules_file, static_file, traefik_files
from divebell.hub.spawner.environment import Volunteer, on_this_machine, variables


@pytest.fixture
def settings(event_folder):
    c = Config()
    configure(c, event_folder.event, event_folder.state, event_folder.secrets, event_folder.ports)
    return c


def test_nothing_dies_with_the_hub(settings):
    assert settings.JupyterHub.cleanup_servers is False
    assert settings.JupyterHub.cleanup_proxy is False
    assert settings.Proxy.should_start is False


def test_the_hub_listens_on_this_machine_alone(settings, event_folder):
    assert settings.JupyterHub.hub_bind_url == f"http://127.0.0.1:{event_folder.ports.hub}"


def test_everybody_may_use_the_portal_and_the_portal_may_look_and_stop_servers(settings):
    roles = {role["name"]: role["scopes"] for role in settings.JupyterHub.load_roles}
    assert "access:services!service=event" in roles["user"]
    assert [scope for scope in roles["event"] if not scope.startswith(("list:", "read:"))] == [
        "delete:servers"
    ]


def test_the_proxys_files_are_sound_and_on_this_machine_alone(event_folder):
    files = traefik_files(event_folder.state, event_folder.secrets, event_folder.ports)
    static = tomllib.loads(files[static_file(event_folder.state)])
    assert next(iter(files)) == static_file(event_folder.state)
    addresses = [entry["address"] for entry in static["entryPoints"].values()]
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert "forwardedHeaders" not in str(static)
    assert "insecure" not in str(static)
    assert static["providers"]["file"]["directory"] == str(rules_file(event_folder.state).parent)
    fixed = tomllib.loads(files[rules_file(event_folder.state).with_name("event.toml")])
    proven = [name for name, router in fixed["http"]["routers"].items() if "middlewares" in router]
    assert proven == ["login"]
    assert event_folder.secrets.proxy_token not in "".join(files.values())
    assert proof(event_folder.secrets) != event_folder.secrets.proxy_token


def test_a_password_with_any_character_survives_in_the_database_url(event_folder):
    from sqlalchemy import make_url

    who = Volunteer("ana", event_folder.folder / "ana", "p@ss:/?#%w&rd")
    around = on_this_machine(event_folder.state)
    made = variables(event_folder.event, event_folder.ports, "/services/event/", who, around)
    url = make_url(made["DATABASE_URL"])
    assert (url.username, url.password, url.port) == ("v_ana", "p@ss:/?#%w&rd", event_folder.ports.postgres)
    assert made["PGPASSWORD"] == "p@ss:/?#%w&rd"
    assert "p@ss" not in repr(who)


def test_on_a_server_the_web_server_in_front_is_believed_and_nobody_else(event_folder):
    served = Service("https://dive.example.org/")
    files = traefik_files(event_folder.state, event_folder.secrets, event_folder.ports, None, served)
    entries = tomllib.loads(files[static_file(event_folder.state)])["entryPoints"]
    assert entries["event"]["forwardedHeaders"] == {"trustedIPs": ["127.0.0.1/32"]}
    assert "forwardedHeaders" not in entries["api"]


def test_on_a_server_the_hub_knows_where_people_open_it(event_folder):
    Service("https://dive.example.org/").save(event_folder.state)
    c = Config()
    configure(c, event_folder.event, event_folder.state, event_folder.secrets, event_folder.ports)
    assert c.JupyterHub.public_url == "https://dive.example.org/"
    assert c.JupyterHub.trusted_downstream_ips == ["127.0.0.1"]


def test_on_a_server_the_proxy_may_read_the_routes_that_the_hub_writes(tmp_path):
    from divebell.hub.routes import SharedFile

    file = SharedFile(str(tmp_path / "routes.toml"))
    file.atomic_dump({"http": {"routers": {"a": {"rule": "Path(`/a`)"}}}})
    file.atomic_dump({"http": {"routers": {"b": {"rule": "Path(`/b`)"}}}})
    assert set(tomllib.loads((tmp_path / "routes.toml").read_text())["http"]["routers"]) == {"b"}
    assert (tmp_path / "routes.toml").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["routes.toml"]
