"""Several problems of one value in one go, which pydantic's own validators do not report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import InitErrorDetails, PydanticCustomError

from divebell.event import values


def detail(loc: tuple[int | str, ...], message: str) -> InitErrorDetails:
    """Give one problem at `loc` below the value."""
    return InitErrorDetails(type=values.refuse(message), loc=loc, input=None)


def with_more(value: Any, handler: ValidatorFunctionWrapHandler, more: Iterator[InitErrorDetails]) -> Any:
    """Validate `value` and report `more` beside whatever is wrong with its items, in one go."""
    try:
        result, found = handler(value), []
    except ValidationError as error:
        found = [_again(item) for item in error.errors(include_url=False)]
    found.extend(more)
    if found:
        raise ValidationError.from_exception_data("event", found)
    return result


def _again(error: Any) -> InitErrorDetails:
    kind: str | PydanticCustomError = error["type"]
    if kind == "divebell":
        kind = values.refuse(error["ctx"]["message"])
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"], ctx=error.get("ctx", {}))
