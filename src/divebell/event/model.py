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
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from divebell.event import values
from divebell.event.faults import detail, with_more
from divebell.event.maps import Maps
from divebell.event.people import People, SignIn
from divebell.event.section import Section
from divebell.event.server import Backups, Certificate, Https
from divebell.event.values import NAME_PATTERN, RESERVED_NAMES

__all__ = [
    "NAME_PATTERN",
    "RESERVED_NAMES",
    "Backups",
    "Certificate",
    "ColumnType",
    "Data",
    "Database",
    "DatasetHint",
    "Event",
    "Https",
    "Internet",
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
_Size = Annotated[str, BeforeValidator(values.size), _text_schema(pattern=values.SIZE_PATTERN)]
_Duration = Annotated[str, BeforeValidator(values.duration), _text_schema(pattern=values.DURATION_PATTERN)]
_Image = Annotated[str, AfterValidator(values.image), _text_schema(pattern=values.IMAGE_PATTERN)]
_Requirement = Annotated[str, AfterValidator(values.requirement)]
_Table = Annotated[str, AfterValidator(values.table_name), _text_schema(pattern=values.TABLE_PATTERN)]
_Crs = Annotated[str, BeforeValidator(values.crs), _text_schema(pattern=values.CRS_PATTERN)]
_Encoding = Annotated[str, AfterValidator(values.encoding)]
_Delimiter = Annotated[str, AfterValidator(values.delimiter), _text_schema(minLength=1, maxLength=1)]
_HostName = Annotated[str, AfterValidator(values.host_name)]
_Repository = Annotated[str, StringConstraints(min_length=1), AfterValidator(values.repository)]
_Branch = Annotated[str, AfterValidator(values.branch)]
_PathWithin = Annotated[str, AfterValidator(values.path_within)]


class RunsIn(StrEnum):
    """Where notebook servers run. Each kind has one module in ``hub/spawner``."""

    CONTAINERS = "containers"
    PROCESSES = "processes"


class Internet(StrEnum):
    """What a container reaches beside the event itself."""

    ALL = "all"
    PACKAGES = "packages"
    NONE = "none"


class Workspace(Section):
    """The notebook server each volunteer gets."""

    runs_in: Annotated[RunsIn, Field(strict=False)] | None = Field(
        None,
        description="Where notebook servers run. Left out: in containers where a Docker engine answers, "
        "else as processes.",
    )
    base: _Image = Field(
        "debian:12-slim",
        description="The image that workspaces in containers are built on: Debian 12 or newer, or Ubuntu "
        "24.04 or newer.",
    )
    packages: tuple[_Requirement, ...] = Field(
        (),
        strict=False,
        description="Python packages that every container has besides those that are there anyway.",
    )
    internet: Annotated[Internet, Field(strict=False), BeforeValidator(values.internet)] = Field(
        Internet.PACKAGES,
        description="What notebooks in containers reach beside the event itself: the Python package index "
        "(`packages`), every public address (`all`), or nothing (`none`). Never private addresses.",
    )
    memory: _Size = Field(
        "2 GB",
        description="Memory of one notebook server, such as 2 GB. Enforced in containers.",
    )
    cpus: float = Field(
        1.0,
        gt=0,
        le=64,
        allow_inf_nan=False,
        description="Processor cores of one notebook server. Enforced in containers.",
    )
    disk: _Size = Field(
        "2 GB",
        description="Disk space of one volunteer's home. Enforced in containers when divebell runs as root.",
    )
    processes: int = Field(
        400,
        ge=50,
        le=10_000,
        description="Processes and threads of one notebook server. Enforced in containers.",
    )
    open_files: int = Field(
        8_192, ge=1_024, le=1_000_000, description="Open files of one process. Enforced in containers."
    )

    @property
    def memory_bytes(self) -> int:
        """Memory of one notebook server in bytes (1 GB = 1024**3)."""
        return values.size_bytes(self.memory)

    @property
    def disk_bytes(self) -> int:
        """Disk space of one home in bytes (1 GB = 1024**3)."""
        return values.size_bytes(self.disk)


class Points(Section):
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


class DatasetHint(Section):
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


class Data(Section):
    """Where the event's data is and how it is followed."""

    repository: _Repository = Field(
        description="A git address, or a folder on this machine (relative to the event file)."
    )
    branch: _Branch = Field("main", description="The branch that is loaded.")
    folder: _PathWithin = Field("data", description="The folder within the repository that holds datasets.")
    push: bool = Field(
        False,
        description="Whether what volunteers share is pushed to the repository, each to a branch "
        "`shared/NAME`; the credential of `divebell secrets` has to allow it.",
    )
    datasets: dict[_PathWithin, DatasetHint] = Field(
        default_factory=dict, description="Hints, by the file's path within the repository."
    )

    @field_validator("datasets", mode="wrap")
    @classmethod
    def _a_table_each(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return with_more(value, handler, _repeated_tables(value))


class Database(Section):
    """What one volunteer may ask of the database. The watchdog ends what goes beyond."""

    connections: int = Field(6, ge=2, le=20, description="Connections of one volunteer at once.")
    longest_query: _Duration = Field("15 min", description="How long one statement may run, such as 15 min.")
    longest_idle_transaction: _Duration = Field(
        "5 min", description="How long a transaction may wait for its owner to go on."
    )
    most_locks: int = Field(2_000, ge=100, le=100_000, description="Locks that one connection may hold.")
    scratch: _Size = Field(
        "4 GB",
        description="Disk space of all volunteers' own tables and temporary files together, on a file "
        "system of their own. Enforced when divebell runs as root.",
    )

    @property
    def scratch_bytes(self) -> int:
        """Disk space for volunteers' tables in bytes (1 GB = 1024**3)."""
        return values.size_bytes(self.scratch)

    @property
    def longest_query_seconds(self) -> float:
        """How long one statement may run, in seconds."""
        return values.duration_seconds(self.longest_query)

    @property
    def longest_idle_transaction_seconds(self) -> float:
        """How long a transaction may wait for its owner, in seconds."""
        return values.duration_seconds(self.longest_idle_transaction)


class Event(Section):
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
    database: Database = Field(
        default_factory=Database, description="What one volunteer may ask of the database."
    )
    maps: Maps = Field(
        default_factory=Maps, description="Who may see the maps, and what lies under the data."
    )
    https: Https = Field(
        default_factory=Https,
        description="The certificate that `divebell deploy` puts in front of the event.",
    )
    backups: Backups = Field(
        default_factory=Backups,
        description="What is copied away while the event runs on a server, and where to.",
    )

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


def _repeated_tables(hints: Any) -> Iterator[InitErrorDetails]:
    tables = {file: _table_of(hint) for file, hint in hints.items()} if isinstance(hints, dict) else {}
    counts = Counter(table for table in tables.values() if table)
    first: dict[str, str] = {}
    for file, table in tables.items():
        if table and counts[table] > 1 and first.setdefault(table, file) != file:
            message = f"found '{table}', which {first[table]} has as well, expected a table of its own"
            yield detail((file, "table"), message)


def _table_of(hint: Any) -> str | None:
    table = hint.get("table") if isinstance(hint, dict) else getattr(hint, "table", None)
    return table if isinstance(table, str) else None
