"""Probe a running event for everything the list of threats names: what is open, and how to mend it.

One module a subject, each with its explicit list `CHECKS`; `checks` puts the lists together, `runner` runs
them.
"""

from divebell.doctor.checks import CHECKS
from divebell.doctor.finding import Check, Finding, Verdict
from divebell.doctor.patient import Patient
from divebell.doctor.runner import examine

__all__ = ["CHECKS", "Check", "Finding", "Patient", "Verdict", "examine"]
