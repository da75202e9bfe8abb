"""How much memory there is for one volunteer, and how often the kernel of this machine had to end something.

Read from the control group this process is in, version 1 or 2; in a container that is the container's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from divebell.workspace.words import human_size

_UNLIMITED = 1 << 60
"""Version 1 says "no limit" with a number of this kind."""
_EASIER_TO_END = 300
"""Added to oom_score_adj: a notebook server is among the smallest processes, this settles the rest."""


@dataclass(frozen=True)
class ControlGroup:
    """Where the kernel accounts for a group of processes: the files that tell limit and deaths."""

    limit_file: Path
    events_file: Path

    @property
    def limit(self) -> int | None:
        """The bytes all processes of the group may use together; None where nothing limits them."""
        return parse_limit(_text(self.limit_file))

    @property
    def deaths(self) -> int:
        """How many processes of the group have been ended for want of memory."""
        return parse_deaths(_text(self.events_file))


def own_group(root: Path = Path("/sys/fs/cgroup"), membership: str | None = None) -> ControlGroup | None:
    """Give the group of this process, None where the kernel shows none.

    `membership` is the text of /proc/self/cgroup. A container often sees its own group at the top although
    that file names a longer way.
    """
    lines = (_text(Path("/proc/self/cgroup")) if membership is None else membership).splitlines()
    for controllers, way in sorted((line.split(":", 2)[1:] for line in lines), reverse=True):
        for group in _candidates(root, controllers.split(","), way.strip("/")):
            if group.events_file.exists():
                return group
    return None


def parse_limit(text: str) -> int | None:
    """Read memory.limit_in_bytes (version 1) or memory.max (version 2)."""
    word = text.strip()
    return int(word) if word.isdecimal() and int(word) < _UNLIMITED else None


def parse_deaths(text: str) -> int:
    """Read memory.oom_control (version 1) or memory.events (version 2); 0 where neither says anything."""
    for line in text.splitlines():
        name, _, number = line.partition(" ")
        if name == "oom_kill" and number.strip().isdecimal():
            return int(number)
    return 0


def words_for_kernel(limit: int | None, helpers: str) -> str:
    """Tell the owner why the kernel is gone and what to do."""
    reason = (
        f"Your notebook used more than its {human_size(limit)} of memory, and its kernel was ended."
        if limit
        else "This machine ran out of memory, and the kernel of your notebook was ended."
    )
    return (
        f"{reason} Its variables are gone; your files and notebooks are not.\n"
        "Run the cells again from the top, with less at once: fewer columns (usecols=...) or rows "
        "(nrows=..., LIMIT), sums and joins in SQL where the data is, `del` of what is no longer needed. "
        "Other notebooks of yours use the same memory: shut down kernels you do not need.\n"
        f"If it cannot be done with less, ask {helpers}."
    )


def words_for_child(limit: int | None, helpers: str) -> str:
    """Tell the owner that something a cell started was ended while the kernel lives."""
    reason = (
        f"Your server reached its {human_size(limit)} of memory"
        if limit
        else "This machine ran out of memory"
    )
    return (
        f"{reason}, and a program was ended for it: a command, a worker, or another notebook's kernel.\n"
        f"What this cell shows may be incomplete. Do it with less data at once, or ask {helpers}."
    )


def be_ended_first() -> None:
    """Let the kernel of this machine end this process, and those it starts, before the notebook server."""
    own = Path("/proc/self/oom_score_adj")
    try:
        own.write_text(str(min(int(own.read_text()) + _EASIER_TO_END, 1000)))
    except OSError:
        return  # this is no Linux


def _candidates(root: Path, controllers: list[str], way: str) -> list[ControlGroup]:
    if "memory" in controllers:
        tops = (root / "memory" / way, root / "memory")
        return [ControlGroup(top / "memory.limit_in_bytes", top / "memory.oom_control") for top in tops]
    if controllers == [""]:
        return [ControlGroup(top / "memory.max", top / "memory.events") for top in (root / way, root)]
    return []


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
