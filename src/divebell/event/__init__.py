"""The event file: models, loading, schema, state folder and secrets. Knows nothing else of divebell."""

from divebell.event.latest import Latest
from divebell.event.load import load_event
from divebell.event.model import Event
from divebell.event.problems import EventFileError, Problem
from divebell.event.repository import is_folder, repository_folder
from divebell.event.secrets import (
    Secrets,
    ensure_secrets,
    give_credentials,
    load_secrets,
    renew_supervisor_password,
)
from divebell.event.standing import CertificateStanding
from divebell.event.state import Containers, Ports, Service, State

__all__ = [
    "CertificateStanding",
    "Containers",
    "Event",
    "EventFileError",
    "Latest",
    "Ports",
    "Problem",
    "Secrets",
    "Service",
    "State",
    "ensure_secrets",
    "give_credentials",
    "is_folder",
    "load_event",
    "load_secrets",
    "renew_supervisor_password",
    "repository_folder",
]
