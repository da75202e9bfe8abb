"""An Ansible module: write many small files of root at once, which `copy` does by two calls for each.

Runs on the server with whatever Python is there; imports nothing of divebell.
"""

from __future__ import annotations

import os
import stat
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: divebell_files
short_description: Write many small files
description: Writes files that root owns, each whole or not at all, and makes folders.
options:
  files:
    description: Contents by path.
    type: dict
    default: {}
  folders:
    description: Folders to make; the mode of one that is there is put right.
    type: list
    elements: path
    default: []
  mode:
    description: Permissions of the files.
    type: str
    default: "0644"
author: [divebell]
"""
EXAMPLES = """
- name: Write the settings
  divebell_files:
    folders: [/etc/example]
    files:
      /etc/example/one.conf: "a = 1\\n"
"""
RETURN = """
written:
  description: Paths of what was not as it should be.
  returned: always
  type: list
  elements: str
"""
FOLDER_MODE = 0o755


def main() -> None:
    """Write what is not there yet."""
    spec = {
        "files": {"type": "dict", "default": {}},
        "folders": {"type": "list", "elements": "path", "default": []},
        "mode": {"type": "str", "default": "0644"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    mode = int(module.params["mode"], 8)
    written, diffs = [], []
    for folder in module.params["folders"]:
        if _is_folder(folder):
            continue
        written.append(folder)
        if not module.check_mode:
            os.makedirs(folder, exist_ok=True)
            _own(folder, FOLDER_MODE)
    for path, content in module.params["files"].items():
        before = _read(path)
        if before == content and _is_ours(path, mode):
            continue
        written.append(path)
        if before != content:
            diffs.append(
                {"before": before or "", "after": content, "before_header": path, "after_header": path}
            )
        if not module.check_mode:
            _write(module, path, content, mode)
    module.exit_json(changed=bool(written), written=written, diff=diffs)


def _is_folder(path: str) -> bool:
    if not os.path.isdir(path):
        return False
    found = os.stat(path)
    return stat.S_IMODE(found.st_mode) == FOLDER_MODE and found.st_uid == found.st_gid == 0


def _is_ours(path: str, mode: int) -> bool:
    found = os.lstat(path)
    return (
        stat.S_ISREG(found.st_mode)
        and stat.S_IMODE(found.st_mode) == mode
        and not found.st_uid | found.st_gid
    )


def _own(path: str, mode: int) -> None:
    os.chown(path, 0, 0)
    os.chmod(path, mode)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None


def _write(module: Any, path: str, content: str, mode: int) -> None:
    descriptor, new = tempfile.mkstemp(dir=module.tmpdir)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
    _own(new, mode)
    module.atomic_move(new, path)
    _own(path, mode)  # where there was one before, the new one got its owner and permissions


if __name__ == "__main__":
    main()
