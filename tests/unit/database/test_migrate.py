from __future__ import annotations

from divebell.database.migrate import migrations


def test_migrations_are_numbered_without_gap() -> None:
    numbers = [migration.number for migration in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_migration_ends_its_own_transaction() -> None:
    for migration in migrations():
        statements = {line.strip().upper() for line in migration.text.splitlines()}
        assert not statements & {"BEGIN;", "COMMIT;", "ROLLBACK;"}, migration.name
