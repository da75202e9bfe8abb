"""Be the notebook server, without the half of JupyterHub it never uses. Run as `divebell.workspace.server`.

JupyterHub's server for one person loads the hub's database and pages on the way: a third of what it loads at
all, 0.3 s of processor time and 25 MB a volunteer.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from types import ModuleType

_DATABASE = "jupyterhub.orm"
_PAGES = ("jupyterhub.handlers", "jupyterhub.handlers.pages")


def main() -> int:
    """Serve until the server is told to end; give its exit code."""
    leave_out_the_hub()
    return importlib.import_module("jupyterhub.singleuser").main() or 0


def leave_out_the_hub() -> None:
    """Load what a server and the hub share, the hub's database only when it is asked for.

    A JupyterHub that is made otherwise is loaded as it is.
    """
    before = set(sys.modules)
    if _DATABASE in before:
        return  # by now, or by a process that we are a fork of: even to ask what it is would load it
    try:
        _load_when_used(_DATABASE)
        _load_log_without_pages()
    except Exception:  # noqa: BLE001 - whatever it is, it only saves time
        traceback.print_exc()
        for name in sys.modules.keys() - before:
            if name.partition(".")[0] == "jupyterhub":
                del sys.modules[name]


def _load_when_used(name: str) -> None:
    """Put a module in place that is loaded when something of it is used for the first time."""
    parent, _, child = name.rpartition(".")
    package = importlib.import_module(parent)
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no {name}")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    setattr(package, child, module)


def _load_log_without_pages() -> None:
    """Load JupyterHub's logging, which wants one class of the hub's pages to know their requests by."""
    package, pages = (ModuleType(name) for name in _PAGES)
    package.__path__ = []
    vars(pages)["HealthCheckHandler"] = type("HealthCheckHandler", (), {})
    sys.modules.update(zip(_PAGES, (package, pages), strict=True))
    try:
        importlib.import_module("jupyterhub.log")
    finally:
        for name in _PAGES:
            del sys.modules[name]


if __name__ == "__main__":
    raise SystemExit(main())
