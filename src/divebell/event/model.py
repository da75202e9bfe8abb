"""The event file as frozen, strict types. Everything else reads the event from here."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

NAME_PATTERN = r"^[a-z][a-z0-9_]{1,30}$"
"""A person's name once normalised: the hub user, the database role and schema (prefixed), the author."""

RESERVED_NAMES = frozenset(
    {
        "admin",
        "administrator",
        "anonymous",
        "data",
        "divebell",
        "event",
        "hub",
        "postgres",
        "public",
        "root",
        "system",
    }
)
"""Names nobody may take: services, database roles and words that look official."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _known_timezone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("expected a time zone of the IANA database, such as America/New_York")
    return value


def _unreserved(value: str) -> str:
    if value in RESERVED_NAMES:
        raise ValueError(f"'{value}' is reserved; choose another name")
    return value


PersonName = Annotated[str, StringConstraints(pattern=NAME_PATTERN), AfterValidator(_unreserved)]


class SignIn(StrEnum):
    """How volunteers prove who they are. Each kind has one module in ``hub/login``."""

    EVENT_PASSWORD = "event-password"


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


_SIZE = re.compile(r"^(\d+(?:\.\d+)?) ?(MB|GB)$")


class Workspace(_Section):
    """The notebook server each volunteer gets."""

    runs_in: Annotated[RunsIn, Field(strict=False)] = Field(
        RunsIn.PROCESSES, description="Where notebook servers run."
    )
    memory: Annotated[str, StringConstraints(pattern=_SIZE.pattern)] = Field(
        "2 GB", description="Memory of one notebook server: a number and MB or GB."
    )
    cpus: float = Field(1.0, gt=0, le=64, strict=False, description="Processor cores of one notebook server.")

    @property
    def memory_bytes(self) -> int:
        """Memory of one notebook server in bytes (1 GB = 1024**3)."""
        match = _SIZE.match(self.memory)
        if match is None:  # the pattern above has already refused it
            raise ValueError(self.memory)
        return int(float(match[1]) * 1024 ** (2 if match[2] == "MB" else 3))


class Points(_Section):
    """One column that holds both coordinates, or two that hold one each."""

    column: str | None = Field(None, description="The column that holds both coordinates.")
    order: Literal["lon lat", "lat lon"] = Field("lon lat", description="Order of the two within `column`.")
    longitude: str | None = Field(None, description="The column that holds longitudes (or x).")
    latitude: str | None = Field(None, description="The column that holds latitudes (or y).")

    @model_validator(mode="after")
    def _one_way(self) -> Points:
        pair = self.longitude is not None and self.latitude is not None
        if pair == (self.column is not None):
            raise ValueError("expected either `column`, or both `longitude` and `latitude`")
        return self


class DatasetHint(_Section):
    """What the reader cannot know about one file. A hint overrides anything detected."""

    table: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")] | None = Field(
        None, description="Name of the table in schema `data`."
    )
    points: Points | None = Field(None, description="Where a text file or sheet keeps its coordinates.")
    crs: str | None = Field(None, description="Coordinate reference system, such as EPSG:4269.")
    text: tuple[str, ...] = Field(
        (), strict=False, description="Columns that stay text whatever they look like."
    )
    encoding: str | None = Field(None, description="Text encoding, such as cp1252.")
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = Field(
        None, description="The character between two values."
    )
    skip_rows: int = Field(0, ge=0, description="Rows to leave out above the header.")


class Data(_Section):
    """Where the event's data is and how it is followed."""

    repository: Annotated[str, StringConstraints(min_length=1)] = Field(
        description="A git address, or a folder on this machine (relative to the event file)."
    )
    branch: str = Field("main", description="The branch that is loaded.")
    folder: str = Field("data", description="The folder within the repository that holds datasets.")
    datasets: dict[str, DatasetHint] = Field(
        default_factory=dict, description="Hints, by the file's path within the repository."
    )


class Maps(_Section):
    """Who may see the maps."""

    public: bool = Field(False, description="Whether maps and catalogue can be seen without signing in.")


class Event(_Section):
    """One data event, as its event.yaml describes it."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(
        description="What the event is called."
    )
    organisation: str | None = Field(None, description="For whom it is held.")
    description: str | None = Field(None, description="One paragraph that volunteers read first.")
    starts: datetime | None = Field(
        None, strict=False, description="When it starts, in the event's time zone: 2021-03-05 18:00."
    )
    ends: datetime | None = Field(None, strict=False, description="When it ends, in the event's time zone.")
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field("UTC", description="IANA time zone.")
    address: str | None = Field(None, description="The event's host name; left out: this machine only.")
    people: People = Field(default_factory=People)
    workspace: Workspace = Field(default_factory=Workspace)
    data: Data
    maps: Maps = Field(default_factory=Maps)

    @property
    def zone(self) -> ZoneInfo:
        """The event's time zone."""
        return ZoneInfo(self.timezone)
