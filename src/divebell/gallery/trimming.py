"""A notebook as it is shown: of a stranger's JSON only what is known, and of that not too much. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_CELLS = 400
MOST_OUTPUTS = 50
LONGEST_SOURCE = 20_000
LONGEST_TEXT = 20_000
LONGEST_HTML = 300_000
LARGEST_PICTURE = 4_000_000
PICTURES_IN_ALL = 10_000_000
TEXT_IN_ALL = 1_000_000
SOURCE_IN_ALL = 300_000
"""Colouring source takes a second for 50,000 characters on a busy machine."""
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#. -]{1,30}")


@dataclass
class _Room:
    """How many characters of text and of pictures may still be shown in all."""

    text: int = TEXT_IN_ALL
    source: int = SOURCE_IN_ALL
    pictures: int = PICTURES_IN_ALL


def trimmed(notebook: dict[str, Any]) -> dict[str, Any]:
    """Give what is shown of a notebook, as nbformat 4 has it."""
    room = _Room()
    cells = [_cell(cell, room) for cell in notebook["cells"][:MOST_CELLS]]
    if (more := len(notebook["cells"]) - MOST_CELLS) > 0:
        cells.append(
            {"cell_type": "markdown", "metadata": {}, "source": f"*{more} more cells: download it.*"}
        )
    info = _dict(_dict(notebook.get("metadata")).get("language_info"))
    language = str(info.get("name", "python"))
    known = language if _LANGUAGE.fullmatch(language) else "python"
    return {
        "cells": cells,
        "metadata": {"language_info": {"name": known}},
        "nbformat": 4,
        "nbformat_minor": 4,
    }


def joined(text: object) -> str:
    """Give a text that a notebook may hold as a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else text if isinstance(text, str) else ""


def _cell(cell: dict[str, Any], room: _Room) -> dict[str, Any]:
    given = joined(cell.get("source"))
    source = _cut(given, min(LONGEST_SOURCE, room.source))
    room.source -= min(len(given), LONGEST_SOURCE, room.source)
    kind = cell.get("cell_type")
    if kind == "code":
        outputs = _list(cell.get("outputs"))
        shown = [one for output in outputs[:MOST_OUTPUTS] if (one := _output(_dict(output), room))]
        if len(outputs) > MOST_OUTPUTS:
            shown.append(_stream(f"{len(outputs) - MOST_OUTPUTS} more outputs: download it."))
        count = _number(cell.get("execution_count"))
        return {
            "cell_type": "code",
            "metadata": {},
            "source": source,
            "outputs": shown,
            "execution_count": count,
        }
    if kind == "markdown":
        attached = {
            str(name): _pictures(_dict(one), room) for name, one in _dict(cell.get("attachments")).items()
        }
        return {"cell_type": "markdown", "metadata": {}, "source": source, "attachments": attached}
    return {"cell_type": "raw", "metadata": {}, "source": source}


def _output(output: dict[str, Any], room: _Room) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        return _stream(_short(joined(output.get("text")), LONGEST_TEXT, room), str(output.get("name")))
    if kind == "error":
        lines = [_short(joined(line), LONGEST_TEXT, room) for line in _list(output.get("traceback"))[:200]]
        name, value = (_short(str(output.get(part, "")), 1000, room) for part in ("ename", "evalue"))
        return {"output_type": "error", "ename": name, "evalue": value, "traceback": lines}
    if kind not in {"display_data", "execute_result"}:
        return None
    data = dict(_shown(_dict(output.get("data")), room))
    if not data:
        return None
    made: dict[str, Any] = {"output_type": kind, "data": data, "metadata": {}}
    if kind == "execute_result":
        made["execution_count"] = _number(output.get("execution_count"))
    return made


def _shown(data: dict[str, Any], room: _Room) -> Iterator[tuple[str, str]]:
    """Give the one form of an output that is shown: the first there is that is not too large."""
    html = joined(data.get("text/html"))
    if html and len(html) <= min(LONGEST_HTML, room.text):
        room.text -= len(html)
        yield "text/html", html
        return
    for kind, text in _pictures(data, room).items():
        yield kind, text
        return
    for kind in ("text/markdown", "text/latex", "text/plain"):
        if text := joined(data.get(kind)):
            yield kind, _short(text, LONGEST_TEXT, room)
            return


def _pictures(data: dict[str, Any], room: _Room) -> dict[str, str]:
    found = {}
    for kind in _PICTURES:
        text = joined(data.get(kind))
        good = kind == "image/svg+xml" or _BASE64.fullmatch(text)
        if text and good and len(text) <= min(LARGEST_PICTURE, room.pictures):
            room.pictures -= len(text)
            found[kind] = text
            break
    return found


def _stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": "stderr" if name == "stderr" else "stdout", "text": text}


def _short(text: str, longest: int, room: _Room) -> str:
    cut = _cut(text, min(longest, room.text))
    room.text -= min(len(text), longest, room.text)
    return cut


def _cut(text: str, longest: int) -> str:
    more = len(text) - longest
    return text if more <= 0 else f"{text[:longest]}\n… {more:,} more characters: download it."


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < 10**9 else None
