"""Each key takes what it should, and says what it expected when it does not."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("organisation: 2021", "found 2021, expected text; put it in quotes"),
        ("organisation: 1e3", "found 1000.0, expected text; put it in quotes"),
        ("organisation: true", "found true, expected text"),
        ("organisation: [a]", "found a list, expected text"),
        ("organisation: ' '", "expected text on one line"),
        (f"organisation: {'x' * 101}", "expected at most 100 characters"),
        ("starts: 22:22", "found '22:22', expected a date and a time"),
        ("starts: 2021-03-05", "expected a date and a time, such as 2021-03-05 18:00"),
        ("starts: 05.03.2021 18:00", "expected a date and a time"),
        ("starts: 0001-01-01 00:00", "expected a year from 1900 to 2200"),
        ("starts: 9999-12-31 23:59", "expected a year from 1900 to 2200"),
        ("starts: 2021-02-30 18:00", "expected a time that exists"),
        ("starts: 2021-03-05 18:00+01:00", "the zone goes in `timezone`"),
        ("starts: 2021-03-05T18:00:00Z", "the zone goes in `timezone`"),
        ("starts: 2021-03-05 18:00 EST", "the zone goes in `timezone`"),
        ("starts: 2021", "found 2021, expected a date and a time"),
        ("timezone: New York", "did you mean 'America/New_York'?"),
        ("timezone: america/chicago", "did you mean 'America/Chicago'?"),
        ("timezone: Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("timezone: qqqqq", "such as America/New_York"),
        ("address: https://dive.example.org/x", "did you mean 'dive.example.org'?"),
        ("address: dive.example.org:8000", "did you mean 'dive.example.org'?"),
        ("address: a b", "no host name"),
        ("address: 10.0.0.1", "no host name"),
        ("people: {ambassadors: maria}", "found 'maria', expected a list"),
        ("people: {ambassadors: [Maria]}", "did you mean 'maria'?"),
        ("people: {ambassadors: [Anna-Lena Ek]}", "did you mean 'anna_lena_ek'?"),
        ("people: {ambassadors: [x]}", "expected 2 to 31"),
        ("people: {ambassadors: [root]}", "which is reserved"),
        ("people: {ambassadors: [dan, ana, dan]}", "people.ambassadors.2: found 'dan' a second time"),
        ("people: {ambassadors: [null]}", "found nothing, expected text"),
        ("people: {expected: 0}", "found 0, expected a number from 1 to 500"),
        ("people: {expected: 501}", "found 501, expected a number from 1 to 500"),
        ("people: {expected: '40'}", "expected a whole number; leave the quotes out"),
        ("people: {expected: 4.5}", "expected a whole number"),
        ("people: {sign_in: event password}", "did you mean 'event-password'?"),
        (
            "people: {sign_in: github}",
            "expected `github` with `client_id` and `organisations`, `teams` or `people`",
        ),
        ("people: everyone", "expected a mapping with the keys sign_in, ambassadors, expected"),
        ("workspace: {runs_in: swarm}", "this version does not have yet"),
        ("workspace: {packages: [-r x]}", "expected a package with or without a version"),
        ("workspace: {packages: ['x @ https://example.org/x.whl']}", "expected a package with or without"),
        ("workspace: {internet: some}", "expected 'all', 'packages' or 'none'"),
        ("workspace: {base: 'Debian 12'}", "expected the name of an image, such as debian:12-slim"),
        ("workspace: {disk: 2}", "expected a number and MB or GB, such as 2 GB; did you mean '2 GB'?"),
        ("workspace: {processes: 5}", "found 5, expected a number from 50 to 10000"),
        ("database: {longest_query: 15}", "found 15, expected a number and s, min or h, such as 15 min"),
        ("database: {longest_query: 0 s}", "expected at least 1 s"),
        (
            "workspace: {memory: 2}",
            "found 2, expected a number and MB or GB, such as 2 GB; did you mean '2 GB'?",
        ),
        ("workspace: {memory: 2G}", "did you mean '2 GB'?"),
        ("workspace: {memory: 100 MB}", "expected at least 256 MB"),
        ("workspace: {memory: [2]}", "found [2], expected a number and MB or GB"),
        ("workspace: {cpus: 0}", "found 0, expected a number above 0, at most 64"),
        ("workspace: {cpus: .nan}", "expected a number"),
        ("workspace: {cpus: two}", "found 'two', expected a number"),
        ("workspace: {cpus: true}", "found true, expected a number"),
        ("maps: {public: yes}", "write true for yes"),
        ("memory: 2 GB", "did you mean 'workspace.memory'?"),
        ("password: hunter2", "nothing secret belongs in the event file"),
        ("maps: {public: 1}", "expected true or false"),
    ],
)
def test_a_wrong_value_is_explained(with_line, line, said):
    found = with_line(line)
    assert len(found) == 1
    assert found[0].startswith("3: ")
    assert said in found[0]
    assert "hunter2" not in found[0]


@pytest.mark.parametrize(
    "line",
    [
        "starts: 2021-03-05 18:00",
        "starts: 2021-03-05 18:00:30",
        "starts: 2021-03-05T18:00",
        "starts: '2021-03-05 18:00'",
        "timezone: Asia/Kolkata",
        "address: divebox",
        "address: dive.example.org",
        "people:",
        "people: {ambassadors: []}",
        "workspace: {memory: 512MB, cpus: 0.5}",
        "workspace: {memory: 1.5 GB, cpus: 2}",
        "organisation: Zürich, Ämter & Söhne",
        "description:\n  Two lines\n  of text",
    ],
)
def test_a_right_value_is_taken(with_line, line):
    assert with_line(line) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("repository: https://ana:hunter2@github.com/x/y", "nothing secret belongs"),
        ("repository: https://hunter2@github.com/x/y", "nothing secret belongs"),
        ("repository: https://:hunter2@github.com/x/y", "nothing secret belongs"),
        ("repository: ssh://git:hunter2@github.com/x/y", "nothing secret belongs"),
        ("repository: 'git:hunter2@github.com:x/y'", "nothing secret belongs"),
        ("repository: https://github.com/x/y?token=hunter2", "without them"),
        ("repository: 'ext::sh -c hunter2'", "found the transport 'ext::'"),
        ("repository: 'fd::17'", "found the transport 'fd::'"),
        ("repository: file:///etc", "found 'file://'"),
        ("repository: http://github.com/x/y", "found 'http://'"),
        ("repository: git://github.com/x/y", "found 'git://'"),
        ("repository: FTP://github.com/x/y", "found 'FTP://'"),
        ("repository: https://github.com", "without host or path"),
        ("repository: https:///x/y", "without host or path"),
        ("repository: ssh://-oProxyCommand=x/y", "without host or path"),
        ("repository: 'https://[::1/x'", "cannot be read"),
        ("repository: https://github.com:port/x", "cannot be read"),
        ("repository: '-oProxyCommand=x:y'", "a leading '-'"),
        ("repository: '-x@host:y'", "a leading '-'"),
        ("repository: ~/data", "beginning with '~'"),
        ('repository: "a\\nb"', "unprintable"),
        ("repository: ' '", "found blanks"),
        ("repository: ''", "expected text that is not empty"),
    ],
)
def test_a_repository_that_is_dangerous_or_secret_is_refused(with_data, line, said):
    found = with_data(line)
    assert len(found) == 1
    assert found[0].startswith("3: data.repository: ")
    assert said in found[0]
    assert "hunter2" not in found[0] or "ext::" in line


@pytest.mark.parametrize(
    "repository",
    [
        "https://github.com/example/housing-loss",
        "https://git.example.org:8443/a/b.git",
        "ssh://git@git.example.org/a/b.git",
        "git@github.com:example/housing-loss.git",
        "github.com:example/housing-loss",
        ".",
        "../data",
        "/srv/event",
        "my folder",
    ],
)
def test_a_good_repository_is_taken(with_data, repository):
    assert with_data(f"repository: {repository}") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("branch: -x", "name of a git branch"),
        ("branch: a..b", "name of a git branch"),
        ("branch: a b", "name of a git branch"),
        ("branch: x.lock", "name of a git branch"),
        ("branch: shared/ana", "the volunteers' own"),
        ("branch: shared", "the volunteers' own"),
        ("folder: ../up", "a path within the repository"),
        ("folder: /etc", "a path within the repository"),
        ("datasets: {../x.csv: {}}", "a path within the repository"),
        ("datasets: {a.csv: {crs: WGS84}}", "did you mean 'EPSG:4326'?"),
        ("datasets: {a.csv: {crs: 'epsg 2263'}}", "did you mean 'EPSG:2263'?"),
        ("datasets: {a.csv: {crs: 'EPSG:'}}", "expected AUTHORITY:CODE"),
        ("datasets: {a.csv: {table: Tax Liens}}", "did you mean 'tax_liens'?"),
        ("datasets: {a.csv: {tabel: x}}", "did you mean 'table'?"),
        ("datasets: {a.csv: {text: GEOID}}", "expected a list"),
        ("datasets: {a.csv: {encoding: base64}}", "expected a text encoding"),
        ("datasets: {a.csv: {encoding: latin1x}}", "did you mean 'latin-1'?"),
        ("datasets: {a.csv: {delimiter: tab}}", 'a tab is written "\\t"'),
        ("datasets: {a.csv: {skip_rows: -1}}", "expected a number from 0"),
        ("datasets: {a.csv: {points: {column: a, latitude: b}}}", "either `column`, or both"),
        ("datasets: {a.csv: {points: {longitude: b}}}", "either `column`, or both"),
        ("datasets: {a.csv: {points: {column: a, order: lat-lon}}}", "did you mean 'lat lon'?"),
        ("datasets: {a.csv: {table: x}, b.csv: {table: x}}", "which a.csv has as well"),
        ("datasets: [a.csv]", "expected a mapping"),
    ],
)
def test_a_wrong_hint_is_explained(with_data, line, said):
    found = with_data(f"repository: .\n  {line}")
    assert len(found) == 1
    assert found[0].startswith("4: ")
    assert said in found[0]


def test_a_tab_as_delimiter_is_taken(with_data):
    assert with_data('repository: .\n  datasets: {a.csv: {delimiter: "\\t", crs: OGC:CRS84}}') == []


def test_an_event_ends_after_it_starts_even_if_something_else_is_wrong(with_line):
    found = with_line("starts: 2021-03-05 18:00\nends: 2021-03-05 18:00\nnoise: 1\n")
    assert "4: ends: found 2021-03-05 18:00, expected a time after `starts` (2021-03-05 18:00)" in found


def test_an_hour_that_clocks_skip_is_refused(with_line):
    found = with_line("starts: 2021-03-14 02:30\ntimezone: America/New_York\n")
    assert "which clocks in America/New_York skip" in found[0]


def test_two_tables_of_one_name_are_found_beside_other_mistakes(with_data):
    text = "repository: .\n  datasets:\n    a.csv: {table: x, crs: 1}\n    b.csv: {table: x}\n"
    found = with_data(text)
    assert [line.split(":")[0] for line in found] == ["5", "6"]
