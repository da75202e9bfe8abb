"""Credentials in files that are about to be shared."""

import json
import random
import string

import pytest

from divebell.workspace.leaks import leaks

LETTERS = random.Random(7).choices(string.ascii_letters + string.digits, k=80)
RANDOM = "A1" + "".join(LETTERS)


def cell(source="", outputs=(), kind="code"):
    return {"cell_type": kind, "source": source, "outputs": list(outputs), "metadata": {}}


def notebook(*cells):
    return json.dumps({"cells": list(cells), "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN OPENSSH " + "PRIVATE KEY-----", "a private key"),
        ("-----BEGIN " + "PRIVATE KEY-----", "a private key"),
        (f"x = 'ghp_{RANDOM[:36]}'", "a token of GitHub's"),
        (f"github_pat_{RANDOM[:60]}", "a token of GitHub's"),
        (f"glpat-{RANDOM[:20]}", "a token of GitLab's"),
        ("AKIA" + "ABCDEFGH23456789", "an access key of AWS"),
        (f"xoxb-{RANDOM[:24]}", "a token of Slack's"),
        (f"sk-proj-{RANDOM[:40]}", "a key of an AI service"),
        (f"divebell_{RANDOM[:43]}", "a token of this event"),
        (f"eyJ{RANDOM[:20]}.eyJ{RANDOM[:20]}.{RANDOM[:30]}", "a signed token (JWT)"),
        ("password = 'korrekt-horse'", "a password"),
        ("connect(user='ana', password=\"s3cr3t!\")", "a password"),
        ('{"password": "s3cr3t!"}', "a password"),
        ("DB_PASSWORD: str = 'horse4battery'", "a password"),
        ("os.environ['PGPASSWORD'] = 'horse4battery'", "a password"),
        ("!PGPASSWORD=horse4battery psql", "a password"),
        ("postgresql+psycopg://ana:horse4@db:5432/event", "a password in an address"),
        (f"https://api.census.gov/data?get=NAME&key={RANDOM[:40]}", "a key in an address"),
        (f"API_KEY = '{RANDOM[:32]}'", "a key"),
    ],
)
def test_a_credential_is_found_and_not_repeated(text, kind):
    for name, contents in (("a.py", text.encode()), ("a.ipynb", notebook(cell(text)))):
        found = leaks(name, contents)
        assert [leak.kind for leak in found][:1] == [kind], (text, found)
        assert not any(text in str(leak) for leak in found)


@pytest.mark.parametrize(
    "text",
    [
        "password = os.environ['PGPASSWORD']",
        "password = getpass.getpass()",
        "password='...'",
        "password = '<your password>'",
        "password='your-password-here'",
        "PGPASSWORD=$SECRET psql",
        "postgresql://user:password@host/db",
        "f'postgresql://{user}:{password}@{host}/db'",
        "token = 'hello'",
        "tokens = nltk.word_tokenize('a few words, and 1 more of them')",
        "for key in ('name', 'geoid_2020_tract'): print(key)",
        '<div class="sk-toggleable__label sk-toggleable__label-arrow sk-estimator-doc-link">',
        "sk-learn is-a-risk-management-tool-2-everybody",
        "https://example.org/a?page=2&key=name",
        "at 12:30@noon http://host:8080/path@2",
        "The password is on the sheet on your table.",
    ],
)
def test_what_only_speaks_of_credentials_passes(text):
    assert leaks("a.py", text.encode()) == []
    assert leaks("a.ipynb", notebook(cell(text))) == []


def test_where_it_is_is_said_by_line_and_cell():
    assert str(leaks("a.py", b"\n\npassword = 'horse4battery'")[0]) == "line 3: a password"
    output = {"output_type": "stream", "text": ["one\n", "password='horse4battery'\n"]}
    contents = notebook(cell("fine", kind="markdown"), cell("x", [output]))
    assert [str(leak) for leak in leaks("a.ipynb", contents)] == ["output of cell 2, line 2: a password"]


def test_a_picture_is_not_read_as_text():
    picture = {"output_type": "display_data", "data": {"image/png": "AKIA" + "ABCDEFGH23456789"}}
    assert leaks("a.ipynb", notebook(cell("x", [picture]))) == []


def test_what_is_known_to_be_secret_is_found_as_it_is_and_as_part_of_an_address():
    known = {"f@irly long": "your password for the database"}
    for text in ("print('f@irly long')", "f%40irly%20long"):
        assert leaks("a.txt", text.encode(), known)[0].kind == "your password for the database"
    assert leaks("a.bin", b"\xff\xfe\x00f@irly long", known)
    assert leaks("a.txt", b"short", {"short": "x"}) == []


def test_random_bytes_and_base64_hold_no_credential():
    noise = random.Random(3)
    assert leaks("a.png", noise.randbytes(300_000)) == []
    text = "".join(noise.choices(string.ascii_letters + string.digits + "+/", k=300_000))
    assert leaks("a.html", f'<img src="data:image/png;base64,{text}">'.encode()) == []


@pytest.mark.parametrize(
    "text", ["eyJ", "sk-", "password=", "://a:", "-eyJ.", "key='", "a" * 7 + "://", "secret_"]
)
def test_a_text_made_to_be_slow_is_read_to_its_end(text):
    leaks("a.txt", (text * 200_000).encode())


def test_a_broken_notebook_is_read_as_text():
    assert leaks("a.ipynb", b"{ password = 'horse4battery'")
    assert leaks("a.ipynb", b'{"cells": [1, {"source": 3}]}') == []
    assert leaks("a.ipynb", b"[" * 100_000) == []
