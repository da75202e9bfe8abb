#!/usr/bin/env python3
"""Write the reference pages that follow from the code: the event file, its schema, the command line.

`--check` writes nothing and fails when a page is not what the code says.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from divebell.cli import VERBS, build_parser
from divebell.doctor.checks import SUBJECTS
from divebell.doctor.finding import Check
from divebell.event.explain import choices_of, section_of
from divebell.event.model import Event
from divebell.event.schema import schema_text

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Made by scripts/docs.py (`make docs`); edit the code it follows instead. -->\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a page is not up to date")
    args = parser.parse_args()
    stale = []
    for name, make in PAGES.items():
        file, text = REFERENCE / name, make()
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not args.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(f"wrote docs/reference/{name}")
    if stale and args.check:
        print(f"not what the code says: {', '.join(stale)}; run `make docs`", file=sys.stderr)
        return 1
    return 0


EVENT_INTRO = """\
# The event file

`event.yaml` describes one event. It is [YAML 1.2](https://yaml.org/spec/1.2.2/): `no` and `22:22` are text,
a key may stand only once, and anchors, aliases and tags are not used. Nothing secret belongs in it.

`divebell init` writes one to start from, `divebell check` names every mistake with its line. An editor that
knows YAML schemas checks while you type if the file begins with

```yaml
# yaml-language-server: $schema=PATH/TO/event.schema.json
```

where the schema is what `divebell check --schema` prints ([event.schema.json](event.schema.json)).

## An example

```yaml
name: Housing loss DataDive
organisation: New America
starts: 2021-03-05 18:00
ends: 2021-03-07 17:00
timezone: America/New_York

people:
  ambassadors: [maria, dan]
  expected: 40

data:
  repository: https://github.com/example/housing-loss
  datasets:                        # only where a file needs a hint
    data/raw/liens.csv:
      table: liens
      points: {column: lon_lat, order: lon lat}
      crs: EPSG:4269
```

Only `name` and `data.repository` are required. A key without a value is as good as left out.
"""


def event_page() -> str:
    """Give the page of the event file."""
    sections = [section_text(path, model) for path, model in sections_of(Event, "")]
    return "\n".join([MADE + EVENT_INTRO, *sections])


def sections_of(model: type[BaseModel], path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Walk through a model and all below it, with the path of keys that leads there."""
    yield path, model
    for name, field in model.model_fields.items():
        below = section_of(field.annotation)
        if below is not None:
            step = f"{name}.FILE" if get_origin(field.annotation) is dict else name
            yield from sections_of(below, f"{path}.{step}".lstrip("."))


def section_text(path: str, model: type[BaseModel]) -> str:
    """Give the heading and the table of one section."""
    title = f"## `{path}`" if path else "## Top level"
    summary = (model.__doc__ or "").strip().splitlines()[0]
    rows = [
        f"| `{name}` | {type_of(field)} | {default_of(field)} | {cell(field.description or '')} |"
        for name, field in model.model_fields.items()
    ]
    return "\n".join(
        [title, "", summary, "", "| key | value | left out | what |", "|---|---|---|---|", *rows, ""]
    )


def type_of(field: FieldInfo) -> str:
    """Say in words what a key takes."""
    annotation = field.annotation
    origin = get_origin(annotation)
    if section_of(annotation) is not None:
        return "a mapping by file" if origin is dict else "a section, see below"
    choices = choices_of(annotation)
    if choices:
        return " or ".join(f"`{choice}`" for choice in choices)
    words = {bool: "`true` or `false`", int: "whole number", float: "number"}
    if origin is tuple:
        return "list of text"
    plain = next((part for part in (annotation, *get_args(annotation)) if part in words), None)
    if plain is not None:
        return words[plain]
    return "date and time" if "datetime" in str(annotation) else "text"


def default_of(field: FieldInfo) -> str:
    """Say what a key that is left out means."""
    if field.is_required():
        return "**required**"
    default = field.default
    if default is PydanticUndefined or default is None or default == ():
        return "-"
    shown = (
        str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, float)
        else default
    )
    return f"`{shown}`"


COMMAND_INTRO = """\
# The command line

`divebell COMMAND --help` tells the same. Data goes to standard output, progress and errors to standard
error. Exit codes: 0 done, 1 failed, 2 wrong usage. Every command takes `--verbose`, which shows the traceback
of an error.
"""


def command_page() -> str:
    """Give the page of all commands that are there."""
    verbs = [verb for verb in VERBS if find_spec(f"divebell.cli.{verb}") is not None]
    index = "\n".join(f"- [`divebell {verb}`](#divebell-{verb}) - {VERBS[verb]}" for verb in verbs)
    texts = [text for verb in verbs for text in command_texts(parser_of(verb), f"divebell {verb}")]
    return "\n".join([MADE + COMMAND_INTRO, index, "", *texts])


def parser_of(verb: str) -> argparse.ArgumentParser:
    """Give the parser of one verb with all its options."""
    return subparsers(build_parser(only=verb))[verb]


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001  (argparse has no public way to list its options)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            return dict(action.choices)
    return {}


def command_texts(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    """Give the text of a command, then those of the commands below it."""
    below = subparsers(parser)
    actions = [action for action in parser._actions if shown(action)]  # noqa: SLF001
    words = [usage_word(action) for action in actions] + (["COMMAND"] if below else [])
    level = "##" if name.count(" ") == 1 else "###"
    lines = [
        f"{level} `{name}`",
        "",
        parser.description or "",
        "",
        "```",
        " ".join([name, *words]),
        "```",
        "",
    ]
    if actions:
        lines += ["| option | what |", "|---|---|"]
        lines += [f"| {option_name(action)} | {cell(help_of(action))} |" for action in actions]
        lines.append("")
    yield "\n".join(lines)
    for verb, child in below.items():
        yield from command_texts(child, f"{name} {verb}")


def shown(action: argparse.Action) -> bool:
    hidden = action.help == argparse.SUPPRESS or action.dest in {"help", "verbose"}
    return not hidden and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001


def usage_word(action: argparse.Action) -> str:
    word = option_word(action)
    needed = action.required and action.nargs not in {"?", "*"}
    many = "..." if action.nargs in {"*", "+"} else ""
    return f"{word}{many}" if needed else f"[{word}{many}]"


def option_word(action: argparse.Action) -> str:
    """Give the long name of an option with its value, or the name of an argument."""
    choices = "|".join(map(str, action.choices or ()))
    value = str(action.metavar or choices or action.dest.upper())
    if not action.option_strings:
        return value
    name = max(action.option_strings, key=len)
    return name if action.nargs == 0 else f"{name} {value}"


def option_name(action: argparse.Action) -> str:
    short = sorted(action.option_strings, key=len)[:-1]
    return ", ".join(f"`{name}`" for name in [*short, option_word(action)])


def help_of(action: argparse.Action) -> str:
    values: dict[str, Any] = {**vars(action), "prog": "divebell"}
    return (action.help or "") % values


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


DOCTOR_INTRO = """\
# What the doctor checks

`divebell doctor` probes the *running* event. Each check is one line: `ok`, `OPEN`, `warning`, `UNKNOWN` (it
could not be checked, which counts as open: the line says why) or `-` (it does not apply to this event). For
what is open it says what is wrong, why that matters, and the command or the key of event.yaml that mends it.
Exit code 0: nothing is open; 1: something is, or could not be checked. Warnings do not count.

`--json` prints the same: `ok` and a list `findings`, one for each thing that is open and one for each check
that is well, with `check`, `verdict`, `ok`, `what`, `why`, `mend` and `seconds`.

While it runs it makes a volunteer of its own (`divebell_doctor`, a name nobody can take) and, where notebooks
run in containers, two containers; nothing of them stays. It guesses a few passwords from addresses that
nobody uses, so that nobody is slowed. It takes five to twenty seconds, and changes nothing of the event.

Some probes need root: to put up something at private and public addresses and to see the firewall's rules.
Without root these do not apply, and the line says so.
"""


def doctor_page() -> str:
    """Give the page of all checks."""
    texts = [subject_text(subject, checks) for subject, checks in SUBJECTS.items()]
    return "\n".join([MADE + DOCTOR_INTRO, *texts])


def subject_text(subject: str, checks: tuple[Check, ...]) -> str:
    """Give one subject: what its module says of itself, then each check."""
    module = sys.modules[f"divebell.doctor.{subject}"]
    lines = [f"## {subject}", "", (module.__doc__ or "").strip(), ""]
    for check in checks:
        probed = " ".join((check.probe.__doc__ or "").split())
        mend = check.mend.replace("{folder}", "FOLDER").replace("{state}", "FOLDER/.divebell")
        lines += [
            f"### {check.name}",
            "",
            f"{sentence(check.about)} {'Only a warning.' if check.warns else ''}".strip(),
            "",
            f"- Probe: {probed}",
            f"- Why: {sentence(check.why)}",
            f"- Mend: {mend}",
            "",
        ]
    return "\n".join(lines)


def sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


PAGES: dict[str, Callable[[], str]] = {
    "doctor.md": doctor_page,
    "event-file.md": event_page,
    "event.schema.json": schema_text,
    "command-line.md": command_page,
}

if __name__ == "__main__":
    sys.exit(main())
