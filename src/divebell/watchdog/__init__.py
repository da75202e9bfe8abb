"""The event's watchdog: it ends what goes beyond the event's limits in the database, and says so.

Run as `python -m divebell.watchdog FOLDER`. It signs in as `event_watchdog`, which sees what sessions do but
can read nobody's data. `rules` decide, `watch` asks and acts.
"""
