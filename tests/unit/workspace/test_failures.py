import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from divebell.workspace import failures
from divebell.workspace.failures import explain, sqlstate


def test_the_reason_is_found_however_it_is_wrapped():
    wrapped = OperationalError("SELECT 1", {}, psycopg.errors.AdminShutdown("terminating"))
    outer = RuntimeError("the query failed")
    outer.__cause__ = wrapped
    assert sqlstate(outer) == "57P01"
    assert sqlstate(ValueError("x")) is None


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ('connection failed: FATAL:  too many connections for role "v_ana"', "53300"),
        ("terminating connection due to administrator command", "57P01"),
        ("canceling statement due to statement timeout", "57014"),
        ("could not extend file: No space left on device", "53100"),
    ],
)
def test_the_reason_is_found_in_words_where_no_code_is_left(text, state):
    assert sqlstate(psycopg.OperationalError(text)) == state


@pytest.mark.parametrize(
    ("error", "helps"),
    [
        (psycopg.errors.TooManyConnections("x"), "All connections you may have at once are taken"),
        (psycopg.errors.DiskFull("x"), "ask maria"),
        (psycopg.errors.ConfigurationLimitExceeded("x"), "fewer rows"),
        (psycopg.errors.IdleInTransactionSessionTimeout("x"), "waited too long"),
    ],
)
def test_each_limit_is_told_with_what_helps(error, helps, capsys, monkeypatch):
    monkeypatch.setenv("DIVEBELL_AMBASSADORS", "maria")
    explain(error)
    assert helps in capsys.readouterr().err


def test_ordinary_errors_are_left_to_speak_for_themselves(capsys):
    explain(psycopg.errors.UndefinedTable('relation "x" does not exist'))
    explain(ZeroDivisionError())
    assert capsys.readouterr().err == ""


def test_what_the_watchdog_wrote_goes_before_our_own_words(capsys, monkeypatch):
    monkeypatch.setattr(failures, "watchdog_says", lambda: "The event's watchdog: query ended. 15 min")
    explain(psycopg.errors.QueryCanceled("x"))
    assert "The event's watchdog: query ended. 15 min" in capsys.readouterr().err


def test_without_a_database_to_ask_our_own_words_do(capsys, monkeypatch):
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    explain(psycopg.errors.AdminShutdown("x"))
    assert "The database ended this connection" in capsys.readouterr().err


def test_an_error_that_leads_to_itself_ends():
    error = ValueError("x")
    error.__context__ = other = KeyError("y")
    other.__context__ = error
    assert sqlstate(error) is None
