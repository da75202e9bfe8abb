"""Should a file ever take a reader over, its process can do no harm: no time, memory, network or secret.

The reader of text tables is replaced, in the reading process alone, by one that does what it is told to.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import Loading
from .hostile import refused

TAKEN_OVER = """\
import importlib.util, sys
from pathlib import Path

class TakeOver:
    def find_spec(self, name, path=None, target=None):
        if name != "divebell.readers":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (load(module), replace(module))
        return spec

def replace(readers):
    global DivebellError
    from divebell.errors import DivebellError
    kind = type(readers.reader_for(Path("wells.csv")))
    well_behaved = kind.read

    def read(self, path, hint):
        if path.name == "hostile.csv":
            hostile(path)
        return well_behaved(self, path, hint)

    kind.read = read

if any(word.startswith("divebell.pipeline.read") for word in sys.orig_argv):
    sys.meta_path.insert(0, TakeOver())

def hostile(path):
"""
TakeOver = Callable[[str], None]


@pytest.fixture
def take_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[TakeOver]:
    """Have the reader of `hostile.csv` run some lines of Python, which know its `path`."""
    with tempfile.TemporaryDirectory(prefix="divebell-hostile-") as name:
        folder = Path(name)
        folder.chmod(0o755)

        def write(lines: str) -> None:
            body = "".join(f"    {line}\n" for line in lines.strip().splitlines())
            (folder / "sitecustomize.py").write_text(TAKEN_OVER + body)
            monkeypatch.setenv("PYTHONPATH", f"{folder}:{os.environ.get('PYTHONPATH', '')}")

        yield write


def told(loading: Loading) -> str:
    return refused(loading, "hostile.csv", "id\n1\n")


def test_a_reader_that_loops_for_ever_is_ended(loading: Loading, take_over: TakeOver) -> None:
    take_over("""
import resource
assert 0 < resource.getrlimit(resource.RLIMIT_CPU)[0] < 3600
resource.setrlimit(resource.RLIMIT_CPU, (1, 60))
while True:
    pass
""")
    assert "seconds" in told(loading)


def test_a_reader_that_wants_all_memory_gets_some(loading: Loading, take_over: TakeOver) -> None:
    take_over("""
import mmap
kept = [mmap.mmap(-1, 1 << 30) for _ in range(1000)]
raise DivebellError("it had a thousand gigabytes")
""")
    reason = told(loading)
    assert "thousand" not in reason
    assert "memory" in reason.lower()


def test_a_reader_that_writes_without_end_is_ended(loading: Loading, take_over: TakeOver) -> None:
    take_over("""
import resource
most = resource.getrlimit(resource.RLIMIT_FSIZE)
with open("large", "wb") as file:
    file.truncate(most[1] - 1)
    file.seek(most[1] - 1)
    file.write(b"12")
    file.flush()
raise DivebellError("it wrote more than it may")
""")
    reason = told(loading)
    assert "more than it may" not in reason
    left = [path for path in loading.state.run.rglob("large") if path.is_file()]
    assert left == []


def test_a_reader_that_crashes_is_named(loading: Loading, take_over: TakeOver) -> None:
    take_over("""
import os, signal
os.kill(os.getpid(), signal.SIGSEGV)
""")
    assert "crashed (SIGSEGV)" in told(loading)


def test_a_reader_reaches_no_network(loading: Loading, take_over: TakeOver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        take_over(f"""
import socket
socket.create_connection(("127.0.0.1", {server.getsockname()[1]}), 5)
raise DivebellError("it is connected")
""")
        assert "connected" not in told(loading)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_reader_reaches_no_database_and_knows_no_secret(loading: Loading, take_over: TakeOver) -> None:
    state = loading.state.folder
    password = loading.connection.info.password
    take_over(f"""
import os
found = []
for variable, value in os.environ.items():
    if {password!r} in value or "PASSWORD" in variable:
        found.append(variable)
import socket
try:
    socket.create_connection(("127.0.0.1", {loading.connection.info.port}), 5)
    found.append("database")
except OSError:
    pass
raise DivebellError(f"found: {{found}}")
""")
    assert "found: []" in told(loading)
    assert state.exists()


@pytest.mark.root
def test_a_reader_is_nobody_and_reads_nothing_of_the_event(loading: Loading, take_over: TakeOver) -> None:
    state = loading.state.folder
    take_over(f"""
import os
from pathlib import Path
found = [str(os.getuid())] if os.getuid() == 0 else []
for file in ({str(state / "secrets.json")!r}, "/etc/shadow", "/proc/%d/environ" % os.getppid()):
    try:
        found.append((file, len(Path(file).read_bytes())))
    except OSError:
        pass
for folder in ({str(state)!r}, str(path.parent), "/tmp/" ):
    try:
        (Path(folder) / "written").write_text("by a reader")
        found.append(folder)
    except OSError:
        pass
raise DivebellError(f"found: {{[one for one in found if one != '/tmp/']}}")
""")
    assert "found: []" in told(loading)
