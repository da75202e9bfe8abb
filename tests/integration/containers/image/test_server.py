"""A notebook server out of the image, with the configuration that workspaces have."""

from __future__ import annotations

import re
import subprocess
import time

import httpx
import pytest

pytestmark = pytest.mark.timeout(900)

JUPYTER = "/opt/divebell/divebell/workspace/jupyter"


@pytest.fixture(scope="module")
def server(workspace):
    """Give the address of a running JupyterLab, and what its log says so far as a function."""
    name = f"divebell-test-server-{time.monotonic_ns()}"
    variables = {
        "HOME": "/tmp",
        "JUPYTER_CONFIG_PATH": f"{JUPYTER}/config",
        "JUPYTER_PATH": f"{JUPYTER}/share",
    }
    settings = [part for key, value in variables.items() for part in ("-e", f"{key}={value}")]
    closed = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--user", "1900000007:1900000007"]
    lab = ["python", "-P", "-m", "jupyterlab", "--ip=0.0.0.0", "--no-browser", "--IdentityProvider.token=t"]
    started = ["docker", "run", "-d", "--init", "--name", name, *settings, *closed, workspace, *lab]
    subprocess.run(started, check=True, capture_output=True)
    try:
        where = ["docker", "inspect", "-f", "{{.NetworkSettings.IPAddress}}", name]
        address = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
        yield wait_for(f"http://{address}:8888"), lambda: log_of(name)
    finally:
        subprocess.run(["docker", "rm", "-f", name], check=True, capture_output=True)


def wait_for(url):
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/api", timeout=5).status_code == 200:
                return url
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the server did not answer")


def log_of(name):
    done = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_it_starts_with_no_complaint_in_its_log(server):
    _, log = server
    assert "jupyterlab_git | extension was successfully loaded" in log()
    assert not re.findall(r"^\[[WEC] .*|^Traceback.*", log(), re.MULTILINE)


def test_it_does_not_change_how_files_are_saved(server):
    url, log = server
    assert "ydoc" not in log()
    assert "fileid" not in log()
    page = httpx.get(f"{url}/lab?token=t", follow_redirects=True).text
    disabled = re.search(r'"disabledExtensions": \[([^\]]*)\]', page)
    assert "@jupyter/collaboration-extension" in disabled[1]
    assert "@jupyter/docprovider-extension" in disabled[1]
    assert httpx.get(f"{url}/api/collaboration/undo_redo?token=t").status_code == 404


def test_a_notebook_is_saved_as_it_is(server):
    url, _ = server
    text = {"type": "file", "format": "text", "content": "my text"}
    assert httpx.put(f"{url}/api/contents/mine.txt?token=t", json=text).status_code == 201
    assert httpx.get(f"{url}/api/contents/mine.txt?token=t").json()["content"] == "my text"


def test_nobody_installs_lab_extensions_through_it(server):
    url, _ = server
    page = httpx.get(f"{url}/lab?token=t", follow_redirects=True).text
    assert '"can_install": false' in page
