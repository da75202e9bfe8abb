"""Read YAML 1.2 into plain values and remember the line of every key and value.

Dates stay text, `no` and `22:22` are text, and what an event file has no use for (anchors, tags, several
documents) is a problem with a line instead of a surprise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Path = tuple[str | int, ...]
Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]

MAX_DEPTH = 20

_TAG = "tag:yaml.org,2002:"
_KNOWN_TAGS = {
    _TAG + kind for kind in ("bool", "int", "float", "null", "str", "map", "seq", "merge", "value")
}
_DATE_TAG = _TAG + "timestamp"
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]{1,4000}")
_OTHER_BASE = re.compile(r"0o[0-7]{1,1000}|0x[0-9a-fA-F]{1,1000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True)
class Fault:
    """Something wrong with the YAML itself."""

    line: int
    path: Path
    message: str


@dataclass
class Document:
    """The values of one YAML document and where each was written."""

    value: Value = None
    lines: dict[Path, int] = field(default_factory=dict)
    """Line, counted from 1, of each key (or list item) by its path."""
    faults: list[Fault] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Give the line of `path`, or of the nearest thing around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_document(text: str) -> Document:
    """Read one YAML document. Faults are collected; a syntax error is the last one."""
    document = Document()
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, RecursionError, ValueError) as error:
        document.faults.append(_syntax_fault(error))
        return document
    if root is not None:
        document.value = _Builder(document).build(root, ())
    return document


class _Builder:
    """Turns composed nodes into values; each node is visited once, so that aliases cannot multiply."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.anchors: set[str] = set()

    def build(self, node: Node, path: Path) -> Value:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if not self._plain(node, path):
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        plain = isinstance(node, ScalarNode) and node.style is None and node.tag != _TAG + "str"
        return _scalar(node.value) if plain else str(node.value)

    def _plain(self, node: Node, path: Path) -> bool:
        if node.anchor is not None:
            if node.anchor not in self.anchors:
                self.anchors.add(node.anchor)
                self._fault(
                    node, path, f"found the anchor &{node.anchor}, expected none; write the value out"
                )
            return False
        if node.tag not in _KNOWN_TAGS and node.tag != _DATE_TAG:
            self._fault(
                node, path, f"found the tag {_shown_tag(node.tag)}, expected a plain value; leave it out"
            )
            return False
        if len(path) >= MAX_DEPTH:
            self._fault(node, path[:3], f"found more than {MAX_DEPTH} levels, expected fewer")
            return False
        return True

    def _mapping(self, node: MappingNode, path: Path) -> Value:
        mapping: dict[str, Value] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._fault(key_node, path, "found a list or mapping as a key, expected a word")
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            here = (*path, key)
            if key in mapping:
                first = self.document.lines[here]
                message = f"found a second time (first on line {first}), expected once; leave one out"
                self.document.faults.append(Fault(line, here, message))
                continue
            self.document.lines[here] = line
            mapping[key] = self.build(value_node, here)
        return mapping

    def _fault(self, node: Node, path: Path, message: str) -> None:
        self.document.faults.append(Fault(node.start_mark.line + 1, path, message))


def _scalar(text: str) -> Value:
    """Resolve a scalar without quotes by YAML 1.2's core schema."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    return _number(text)


def _number(text: str) -> Value:
    if _INT.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _SPECIAL.fullmatch(text):
        return float(text.replace(".", "", 1))
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _shown_tag(tag: str | None) -> str:
    if tag is None:
        return "!"
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag


def _syntax_fault(error: Exception) -> Fault:
    if isinstance(error, RecursionError):
        return Fault(1, (), f"found more than {MAX_DEPTH} levels, expected fewer")
    if not isinstance(error, MarkedYAMLError):
        return Fault(1, (), "found a character that YAML does not allow; save the file as plain text")
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 1
    return Fault(line, (), _in_words(str(error.problem or error.context)))


_IN_WORDS = {
    "'\\t'": "found a tab, expected blanks; indent with blanks only",
    "mapping values are not allowed": (
        "found a second ':' or a wrong indentation; put a text that contains ': ' in quotes"
    ),
    "another document": "found a second document ('---'), expected one",
    "undefined alias": "found '*' at the start of a value, expected a plain value; put the text in quotes",
    "cannot start any token": "found a character that cannot start a value; put the text in quotes",
    "end of stream": "found the end of the file inside quotes; expected the closing quote",
    "could not find expected ':'": "found a line without ':', expected `key: value`",
}


def _in_words(problem: str) -> str:
    """Say what a YAML message means to somebody who edits an event file."""
    words = next((words for part, words in _IN_WORDS.items() if part in problem), None)
    return words or f"not valid YAML: {problem}"
