"""The event file: models, loading, schema, state folder and secrets. Knows nothing else of divebell."""

from divebell.event.load import load_event
from divebell.event.model import Event
from divebell.event.secrets import Secrets, ensure_secrets, load_secrets
from divebell.event.state import Ports, State

__all__ = ["Event", "Ports", "Secrets", "State", "ensure_secrets", "load_event", "load_secrets"]
