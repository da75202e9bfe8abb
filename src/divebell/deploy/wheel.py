"""The wheel of the divebell that runs this very command, to install the same one on the server."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.util
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from divebell.errors import DivebellError

NAME = "divebell"
LEFT_OUT = {"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"}
"""What an installer adds beside what is in a wheel."""
_LONG_AGO = (2020, 2, 2, 0, 0, 0)
"""The time of each file: the same files give the same bytes."""


def make_wheel(folder: Path) -> Path:
    """Write the wheel into `folder` and give its path: built from a checkout, repacked where it is installed.

    Raises DivebellError when this divebell is in a state that cannot be shipped.
    """
    installed = distribution(NAME)
    checkout = _checkout(installed)
    return _build(checkout, folder) if checkout else repack(installed, folder)


def _checkout(installed: Distribution) -> Path | None:
    """Give the folder that an editable installation runs from."""
    told = json.loads(installed.read_text("direct_url.json") or "{}")
    if not told.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(told["url"]).path))


def _build(checkout: Path, folder: Path) -> Path:
    if importlib.util.find_spec("hatchling") is None:
        raise DivebellError(
            f"divebell runs from {checkout}, and hatchling, which makes its wheel, is not installed",
            next_step="pip install hatchling",
        )
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    made = sorted(folder.glob("*.whl"))
    if done.returncode or not made:
        raise DivebellError(
            f"the wheel of divebell could not be made:\n{done.stderr or done.stdout}".rstrip()
        )
    return made[0]


def repack(installed: Distribution, folder: Path) -> Path:
    """Write an installed distribution as a wheel again, from the files that its RECORD names."""
    contents = {}
    for file in installed.files or ():
        inside = file.parts[0] != ".." and file.suffix != ".pyc"
        if inside and not (file.parts[0].endswith(".dist-info") and file.name in LEFT_OUT):
            contents[file.as_posix()] = file.read_binary()
    info = f"{NAME}-{installed.version}.dist-info"
    if f"{info}/WHEEL" not in contents:
        raise DivebellError(
            "divebell is not installed from a wheel, and cannot be brought to a server",
            next_step="pip install --force-reinstall 'divebell[all]'",
        )
    wheel = folder / f"{NAME}-{installed.version}-py3-none-any.whl"
    record = _record(contents, f"{info}/RECORD")
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in [*sorted(contents.items()), (f"{info}/RECORD", record)]:
            entry = zipfile.ZipInfo(path, _LONG_AGO)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return wheel


def _record(contents: dict[str, bytes], own_path: str) -> bytes:
    """Give a RECORD, as the specification of recorded installations describes it."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, data in sorted(contents.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow((path, f"sha256={digest}", len(data)))
    rows.writerow((own_path, "", ""))
    return text.getvalue().encode()


def digest(files: Iterable[Path]) -> str:
    """Give what names these files' contents: 16 hex digits."""
    found = hashlib.sha256()
    for file in files:
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()[:16]
