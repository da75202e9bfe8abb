"""The notebook server is loaded without the hub, and the hub is still there for whoever asks."""

from __future__ import annotations

import json
import subprocess
import sys


def run(code):
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout), done.stderr


LOADED = "json.dumps(sorted(name for name in sys.modules if name.startswith(('alembic', 'jupyterhub.'))))"


def test_a_server_is_loaded_without_the_hubs_database_and_pages():
    loaded, said = run(
        "import json, sys\n"
        "from divebell.workspace import server\n"
        "server.leave_out_the_hub()\n"
        "server.leave_out_the_hub()\n"  # in the warm process, and again in its fork
        "import jupyterhub.singleuser.extension\n"
        f"print({LOADED})"
    )
    assert said == ""
    assert "jupyterhub.singleuser.extension" in loaded
    assert "alembic" not in loaded
    assert not [name for name in loaded if name.startswith("jupyterhub.handlers")]


def test_what_asks_for_the_hub_nevertheless_gets_the_real_one():
    found, _ = run(
        "import json\n"
        "from divebell.workspace import server\n"
        "server.leave_out_the_hub()\n"
        "import jupyterhub.singleuser.extension\n"
        "from jupyterhub import orm\n"
        "from jupyterhub.handlers.pages import HealthCheckHandler\n"
        "print(json.dumps([orm.User.__tablename__, HealthCheckHandler.__mro__[1].__module__]))"
    )
    assert found == ["users", "jupyterhub.handlers.base"]


def test_a_jupyterhub_that_is_made_otherwise_is_loaded_as_it_is():
    loaded, said = run(
        "import json, sys\n"
        "from divebell.workspace import server\n"
        "server._DATABASE = 'jupyterhub.elsewhere'\n"
        "server.leave_out_the_hub()\n"
        "import jupyterhub.singleuser.extension\n"
        f"print({LOADED})"
    )
    assert "there is no jupyterhub.elsewhere" in said
    assert "jupyterhub.handlers.pages" in loaded
