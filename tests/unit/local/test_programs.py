import configparser
import shlex

from divebell.event import Ports, Secrets
from divebell.local.programs import PARTS, Program, programs, supervisor_configuration

PORTS = Ports(1, 2, 3, 4, 5, 6, 7)


def parse(text):
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser


def test_every_part_has_a_program_in_starting_order():
    assert tuple(part.name for part in programs()) == PARTS


def test_only_postgresql_starts_with_the_supervisor():
    assert [part.name for part in programs() if part.starts_with_supervisor] == ["postgres"]


def test_postgresql_is_stopped_fast_and_not_when_its_last_client_leaves():
    assert next(part for part in programs() if part.name == "postgres").stop_signal == "INT"


def test_a_command_reaches_the_supervisor_word_by_word():
    odd = Program("odd", ("/opt/a b/python", "100%", 'say "hi"', "back\\slash"))
    section = parse(supervisor_configuration((odd,), PORTS, Secrets()))["program:odd"]
    words = shlex.split(section["command"].replace("%%", "%"))
    assert words == ["setpriv", "--pdeathsig", "TERM", "--", *odd.command]


def test_every_part_restarts_at_once_and_for_ever():
    parser = parse(supervisor_configuration(programs(), PORTS, Secrets()))
    for part in PARTS:
        section = parser[f"program:{part}"]
        assert (section["autorestart"], section["startsecs"]) == ("true", "0")


def test_the_supervisor_listens_on_loopback_with_a_password():
    secrets = Secrets()
    server = parse(supervisor_configuration(programs(), PORTS, secrets))["inet_http_server"]
    assert server["port"] == "127.0.0.1:7"
    assert server["password"] == secrets.supervisor_password


def test_no_secret_is_on_a_command_line():
    secrets = Secrets()
    words = " ".join(word for part in programs() for word in part.command)
    for value in (
        secrets.event_password,
        secrets.proxy_token,
        secrets.web_token,
        secrets.supervisor_password,
    ):
        assert value not in words
