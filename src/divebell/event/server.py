"""The sections of the event file that a server alone has: certificates and backups."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from divebell.event import values
from divebell.event.section import Section

_Path = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Email = Annotated[str, AfterValidator(values.email)]
_Address = Annotated[str, AfterValidator(values.https_address)]
_Store = Annotated[str, AfterValidator(values.backup_store)]
_Duration = Annotated[
    str,
    BeforeValidator(values.duration),
    WithJsonSchema({"type": "string", "pattern": values.DURATION_PATTERN}),
]


class Certificate(StrEnum):
    """Where the certificate for the event's address comes from."""

    AUTOMATIC = "automatic"
    OWN = "own"
    AUTHORITY = "authority"


class Https(Section):
    """The certificate that `divebell deploy` puts in front of the event."""

    certificate: Annotated[Certificate, Field(strict=False)] = Field(
        Certificate.AUTOMATIC,
        description="Where the certificate comes from: from an issuer over ACME, renewed by itself "
        "(`automatic`), from files (`own`), or from an authority made for the event, for venues "
        "without internet (`authority`).",
    )
    email: _Email | None = Field(
        None, description="Where the issuer of an automatic certificate may write to; given to it alone."
    )
    issuer: _Address | None = Field(
        None, description="ACME directory of the issuer. Left out: Let's Encrypt."
    )
    chain: _Path | None = Field(
        None,
        description="File with an own certificate and those that vouch for it, in PEM form; relative to the "
        "event file.",
    )
    key: _Path | None = Field(
        None, description="File with an own certificate's key, in PEM form; relative to the event file."
    )

    @model_validator(mode="after")
    def _files_for_an_own_one(self) -> Https:
        own = self.certificate is Certificate.OWN
        if own and not (self.chain and self.key):
            raise values.refuse("expected `chain` and `key` with `certificate: own`")
        if not own and (self.chain or self.key):
            raise values.refuse("expected `certificate: own` with `chain` and `key`")
        return self


class Backups(Section):
    """What is copied away while the event runs on a server, and where to."""

    to: _Store = Field(
        "/var/backups/divebell",
        description="A folder of the server, or `s3:https://HOST/BUCKET/FOLDER`; its keys are taken from the "
        "environment of `divebell deploy` (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY).",
    )
    every: _Duration = Field("1 h", description="How often database and homes are copied.")
    keep: int = Field(48, ge=1, le=10_000, description="How many of the last copies are kept.")

    @property
    def every_seconds(self) -> float:
        """How often, in seconds."""
        return values.duration_seconds(self.every)
