"""An event's workspace image as files: the Dockerfile and what goes beside it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from divebell.containers.image import requirements
from divebell.containers.image.steps import Step, dockerfile, steps
from divebell.event import Event

NAME = "divebell-workspace"
SHIPPED = ("__init__.py", "_version.py", "errors.py", "credentials.py", "workspace")
"""What of divebell a notebook uses; the rest stays outside, and changing it changes no image."""
_INSIDE = ("manifest.py", "smoke.py")


@dataclass(frozen=True)
class Recipe:
    """Everything an image is made from, apart from what registries and mirrors hold."""

    base: str
    steps: tuple[Step, ...]
    files: dict[str, str]
    """Contents by path, `Dockerfile` among them."""

    @property
    def tag(self) -> str:
        """The image's name: another recipe has another."""
        digest = hashlib.sha256()
        for path, contents in sorted(self.files.items()):
            for part in (path, contents):
                digest.update(hashlib.sha256(part.encode()).digest())
        return f"{NAME}:{digest.hexdigest()[:12]}"


def recipe(event: Event) -> Recipe:
    """Give the recipe of an event's image. Raises DivebellError where its packages cannot go together."""
    packages = sorted(set(event.workspace.packages))
    lock = requirements.shipped(requirements.LOCK)
    requirements.check_packages(packages, lock)
    wanted = steps(event.workspace.base)
    made = {
        "Dockerfile": dockerfile(wanted),
        requirements.INSTALLER: requirements.shipped(requirements.INSTALLER),
        requirements.LOCK: lock,
        "packages/packages.py": requirements.shipped("inside/packages.py"),
        "packages/packages.in": "".join(f"{package}\n" for package in packages),
        "code/packages.in": "".join(f"{name}\n" for name in requirements.wanted_names()),
        **{f"code/{name}": requirements.shipped(f"inside/{name}") for name in _INSIDE},
        **_tree(files(__package__) / "jupyter", "jupyter"),
        **_own_code(),
    }
    return Recipe(event.workspace.base, wanted, made)


def tag(event: Event) -> str:
    """Give the name and tag that an event's image has or would have."""
    return recipe(event).tag


def _own_code() -> dict[str, str]:
    package = files("divebell")
    return {
        path: text
        for name in SHIPPED
        for path, text in _tree(package / name, f"code/divebell/{name}").items()
    }


def _tree(place: Traversable, path: str) -> dict[str, str]:
    if place.is_file():
        return {path: place.read_text(encoding="utf-8")}
    below = (_tree(child, f"{path}/{child.name}") for child in _children(place))
    return {file: text for found in below for file, text in found.items()}


def _children(place: Traversable) -> Iterator[Traversable]:
    return (child for child in place.iterdir() if child.name != "__pycache__")
