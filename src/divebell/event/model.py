"""The event file as frozen, strict types. Everything else reads the event from here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from divebell.event import values
from divebell.event.values import NAME_PATTERN, RESERVED_NAMES

__all__ = [
    "NAME_PATTERN",
    "RESERVED_NAMES",
    "ColumnType",
    "Data",
    "DatasetHint",
    "Event",
    "Maps",
    "People",
    "Points",
    "RunsIn",
    "SignIn",
    "Workspace",
]


def _text_schema(**extra: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **extra})


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(values.one_line)
]
_Timezone = Annotated[str, AfterValidator(values.timezone)]
_LocalTime = Annotated[
    datetime, BeforeValidator(values.local_time), _text_schema(pattern=values.DATE_PATTERN)
]
PersonName = Annotated[str, AfterValidator(values.person_name), _text_schema(pattern=NAME_PATTERN)]
_Size = Annotated[str, BeforeValidator(values.size), _text_schema(pattern=values.SIZE_PATTERN)]
_Table = Annotated[str, AfterValidator(values.table_name), _text_schema(pattern=values.TABLE_PATTERN)]
_Crs = Annotated[str, BeforeValidator(values.crs), _text_schema(pattern=values.CRS_PATTERN)]
_Encoding = Annotated[str, AfterValidator(values.encoding)]
_Delimiter = Annotated[str, AfterValidator(values.delimiter), _text_schema(minLength=1, maxLength=1)]
_HostName = Annotated[str, AfterValidator(values.host_name)]
_Repository = Annotated[str, StringConstraints(min_length=1), AfterValidator(values.repository)]
_Branch = Annotated[str, AfterValidator(values.branch)]
_PathWithin = Annotated[str, AfterValidator(values.path_within)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _a_key_without_a_value_is_left_out(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}


class SignIn(StrEnum):
    """How volunteers prove who they are. Each kind has one module in ``hub/login``."""

    EVENT_PASSWORD = "event-password"  # noqa: S105


class RunsIn(StrEnum):
    """Where notebook servers run. Each kind has one module in ``hub/spawner``."""

    PROCESSES = "processes"


class People(_Section):
    """Who takes part and how they sign in."""

    sign_in: Annotated[SignIn, Field(strict=False)] = Field(
        SignIn.EVENT_PASSWORD, description="How volunteers sign in."
    )
    ambassadors: tuple[PersonName, ...] = Field(
        (), strict=False, description="Names of the people who run the event; each gets an own password."
    )
    expected: int = Field(50, ge=1, le=500, description="How many people may sign in, at most.")

    @field_validator("ambassadors", mode="wrap")
    @classmethod
    def _each_once(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return _with_more(value, handler, _repeated_names(value))


class Workspace(_Section):
    """The notebook server each volunteer gets."""

    runs_in: Annotated[RunsIn, Field(strict=False)] = Field(
        RunsIn.PROCESSES, description="Where notebook servers run."
    )
    memory: _Size = Field(
        "2 GB",
        description="Memory of one notebook server, such as 2 GB. Not enforced on processes..",
    )
    cpus: float = Field(
        1.0,
        gt=0,
        le=64,
        allow_inf_nan=False,
        description="Processor cores of one notebook server. Not enforced on processes..",
    )

    @property
    def memory_bytes(self) -> int:
        """Memory of one notebook server in bytes (1 GB = 1024**3)."""
        return values.size_bytes(self.memory)


class Points(_Section):
    """One column that holds both coordinates, or two that hold one each."""

    column: _Text | None = Field(None, description="The column that holds both coordinates.")
    order: Literal["lon lat", "lat lon"] = Field("lon lat", description="Order of the two within `column`.")
    longitude: _Text | None = Field(None, description="The column that holds longitudes (or x).")
    latitude: _Text | None = Field(None, description="The column that holds latitudes (or y).")

    @model_validator(mode="after")
    def _one_way(self) -> Points:
        given = (self.column is not None, self.longitude is not None, self.latitude is not None)
        if given not in {(True, False, False), (False, True, True)}:
            raise values.refuse("expected either `column`, or both `longitude` and `latitude`")
        return self


class ColumnType(StrEnum):
    """What a column may be told to hold."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


class DatasetHint(_Section):
    """What the reader cannot know about one file. A hint overrides anything detected."""

    table: _Table | None = Field(None, description="Name of the table in schema `data`.")
    points: Points | None = Field(None, description="Where a text file or sheet keeps its coordinates.")
    crs: _Crs | None = Field(None, description="Coordinate reference system, such as EPSG:4269.")
    text: tuple[_Text, ...] = Field(
        (), strict=False, description="Columns that stay text whatever they look like."
    )
    types: Mapping[_Text, Annotated[ColumnType, Field(strict=False)]] = Field(
        default_factory=dict,
        strict=False,
        description="The type of a column by its header, whatever its values look like; values that do not "
        "fit become NULL.",
    )
    encoding: _Encoding | None = Field(None, description="Text encoding, such as cp1252.")
    delimiter: _Delimiter | None = Field(None, description="The character between two values.")
    skip_rows: int = Field(0, ge=0, le=10_000, description="Rows to leave out above the header.")


class Data(_Section):
    """Where the event's data is and how it is followed."""

    repository: _Repository = Field(
        description="A git address, or a folder on this machine (relative to the event file)."
    )
    branch: _Branch = Field("main", description="The branch that is loaded.")
    folder: _PathWithin = Field("data", description="The folder within the repository that holds datasets.")
    datasets: dict[_PathWithin, DatasetHint] = Field(
        default_factory=dict, description="Hints, by the file's path within the repository."
    )

    @field_validator("datasets", mode="wrap")
    @classmethod
    def _a_table_each(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return _with_more(value, handler, _repeated_tables(value))


class Maps(_Section):
    """Who may see the maps."""

    public: bool = Field(False, description="Whether maps and catalogue can be seen without signing in.")


class Event(_Section):
    """One data event, as its event.yaml describes it."""

    name: _Title = Field(description="What the event is called.")
    organisation: _Title | None = Field(None, description="For whom it is held.")
    description: _Text | None = Field(None, description="One paragraph that volunteers read first.")
    timezone: _Timezone = Field("UTC", description="IANA time zone, such as America/New_York.")
    starts: _LocalTime | None = Field(
        None, description="When it starts, in the event's time zone: 2021-03-05 18:00."
    )
    ends: _LocalTime | None = Field(None, description="When it ends, in the event's time zone.")
    address: _HostName | None = Field(None, description="The event's host name; left out: this machine only.")
    people: People = Field(default_factory=People, description="Who takes part and how they sign in.")
    workspace: Workspace = Field(
        default_factory=Workspace, description="The notebook server each volunteer gets."
    )
    data: Data = Field(description="Where the event's data is and how it is followed.")
    maps: Maps = Field(default_factory=Maps, description="Who may see the maps.")

    @field_validator("starts", "ends")
    @classmethod
    def _clocks_show_it(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        zone = info.data.get("timezone")
        if value is not None and zone and not values.exists_in(value, ZoneInfo(zone)):
            raise values.refuse(
                f"found {value:%Y-%m-%d %H:%M}, which clocks in {zone} skip, expected a time that exists"
            )
        return value

    @field_validator("ends")
    @classmethod
    def _after_the_start(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        starts = info.data.get("starts")
        if value is not None and starts is not None and value <= starts:
            raise values.refuse(
                f"found {value:%Y-%m-%d %H:%M}, expected a time after `starts` ({starts:%Y-%m-%d %H:%M})"
            )
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The event's time zone."""
        return ZoneInfo(self.timezone)


def _repeated_names(names: Any) -> Iterator[InitErrorDetails]:
    if isinstance(names, list | tuple):
        for index, name in enumerate(names):
            if isinstance(name, str) and name in names[:index]:
                yield _detail((index,), f"found '{name}' a second time, expected each name once")


def _repeated_tables(hints: Any) -> Iterator[InitErrorDetails]:
    tables = {file: _table_of(hint) for file, hint in hints.items()} if isinstance(hints, dict) else {}
    counts = Counter(table for table in tables.values() if table)
    first: dict[str, str] = {}
    for file, table in tables.items():
        if table and counts[table] > 1 and first.setdefault(table, file) != file:
            message = f"found '{table}', which {first[table]} has as well, expected a table of its own"
            yield _detail((file, "table"), message)


def _table_of(hint: Any) -> str | None:
    table = hint.get("table") if isinstance(hint, dict) else getattr(hint, "table", None)
    return table if isinstance(table, str) else None


def _detail(loc: tuple[int | str, ...], message: str) -> InitErrorDetails:
    return InitErrorDetails(type=values.refuse(message), loc=loc, input=None)


def _with_more(value: Any, handler: ValidatorFunctionWrapHandler, more: Iterator[InitErrorDetails]) -> Any:
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
