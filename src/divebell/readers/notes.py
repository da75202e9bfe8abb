"""Say the same thing about many columns once."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 5


def together(notes: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> tuple[str, ...]:
    """Fold notes (column, [(sentence, detail)]) into one warning per sentence that names its columns."""
    grouped: dict[str, list[str]] = {}
    for column, sentences in notes:
        for sentence, detail in sentences:
            shown = f"'{column}'" if column.strip() else "the column without a name"
            grouped.setdefault(sentence, []).append(f"{shown} ({detail})" if detail else shown)
    return tuple(f"{_columns(columns)}: {sentence}" for sentence, columns in grouped.items())


def _columns(columns: list[str]) -> str:
    shown = ", ".join(columns[:_SHOWN])
    if len(columns) == 1:
        return f"column {shown}"
    return f"columns {shown}" + (f" and {len(columns) - _SHOWN:,} more" if len(columns) > _SHOWN else "")
