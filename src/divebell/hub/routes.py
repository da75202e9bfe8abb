"""The hub's routes in a file that the proxy may read where it has an account of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy
from jupyterhub_traefik_proxy.traefik_utils import TraefikConfigFileHandler
from traitlets import default, observe


class SharedFile(TraefikConfigFileHandler):  # type: ignore[misc]
    """Writes for the group of the folder too, which is the proxy's."""

    def atomic_dump(self, data: Any) -> None:
        """Put a whole new file in the place of the old one."""
        path = Path(self.file_path)
        temporary = path.with_suffix(".new")
        with temporary.open("w") as file:
            os.fchmod(file.fileno(), 0o640)
            self._dump(data, file)
        temporary.replace(path)


class SharedRoutes(TraefikFileProviderProxy):  # type: ignore[misc]
    """Keeps the routes in such a file."""

    @default("dynamic_config_handler")
    def _default_handler(self) -> SharedFile:
        return SharedFile(self.dynamic_config_file)

    @observe("dynamic_config_file")
    def _set_dynamic_config_file(self, change: Any) -> None:  # noqa: ARG002 - traitlets gives it
        self.dynamic_config_handler = SharedFile(self.dynamic_config_file)
