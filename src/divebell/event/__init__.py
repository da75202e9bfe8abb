"""The event file: models, loading, schema, state folder and secrets. Knows nothing else of divebell."""

from divebell.event.load import load_event
from divebell.event.model import Event
from divebell.event.problems import EventFileError, Problem
from divebell.event.repository import is_folder, repository_folder
from divebell.event.secrets import Secrets, ensure_secrets, load_secrets, renew_supervisor_password
from divebell.event.state import Ports, State

__all__ = [
    "Event",
    "EventFileError",
    "Ports",
    "Problem",
    "Secrets",
    "State",
    "ensure_secrets",
    "is_folder",
    "load_event",
    "load_secrets",
    "renew_supervisor_password",
    "repository_folder",
]
