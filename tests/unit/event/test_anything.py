"""Whatever stands in the file, it is an event or a list of problems; never another error."""

from __future__ import annotations

import io
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from divebell.event import Event, EventFileError, load_event

KEYS = sorted(
    {"name", "data", "people", "maps", "workspace", "starts", "ends", "timezone", "address", "repository"}
    | {"branch", "folder", "datasets", "table", "crs", "points", "column", "order", "text", "encoding"}
    | {"delimiter", "skip_rows", "memory", "cpus", "ambassadors", "expected", "sign_in", "public", "a.csv"}
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20),
    st.sampled_from(
        ["2021-03-05 18:00", "9999-12-31 23:59", "0001-01-01 00:00", "UTC", ".", "a::b", "://", "x:y"]
    ),
)
TREES = st.recursive(
    SCALARS,
    lambda below: st.one_of(
        st.lists(below, max_size=4), st.dictionaries(st.sampled_from(KEYS), below, max_size=6)
    ),
    max_leaves=25,
)
EVENTS = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, TREES))


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=EVENTS)
def test_any_tree_is_an_event_or_problems(tree, tmp_path):
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, text)
    assert_event_or_problems(tmp_path, text.getvalue().encode())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_any_bytes_are_an_event_or_problems(content, tmp_path):
    assert_event_or_problems(tmp_path, content)


def test_the_longest_file_is_read_in_reasonable_time(tmp_path):
    hints = "".join(f"    data/file{n}.csv: {{table: t{n % 3000}, crs: EPSG:{n}}}\n" for n in range(4500))
    begin = time.process_time()
    assert_event_or_problems(tmp_path, f"name: A\ndata:\n  repository: .\n  datasets:\n{hints}".encode())
    assert time.process_time() - begin < 20


def assert_event_or_problems(folder, content):
    (folder / "event.yaml").write_bytes(content)
    try:
        result = load_event(folder)
    except EventFileError as error:
        result = error.problems
    assert isinstance(result, Event) or result
