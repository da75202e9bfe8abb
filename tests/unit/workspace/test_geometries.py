"""The change to GeoPandas, each case in a Python of its own; the real tables are in tests/integration/hub."""

import subprocess
import sys


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_geopandas_is_changed_when_it_is_imported_and_not_imported_for_it():
    said = run(
        "import sys; from divebell.workspace.geometries import go_to_own_schema as go; go(); go()\n"
        "print('geopandas' in sys.modules, len([f for f in sys.meta_path if 'divebell' in type(f).__module__]))\n"
        "import geopandas, inspect\n"
        "print(hasattr(geopandas.GeoDataFrame.to_postgis, '__wrapped__'))\n"
        "print(not [f for f in sys.meta_path if 'divebell' in type(f).__module__])\n"
        "print(bool(inspect.getsource(sys.modules['geopandas.geodataframe'])))"
    )
    assert said == ["False", "1", "True", "True", "True"]


def test_geopandas_that_is_there_already_is_changed_once():
    said = run(
        "import geopandas; from divebell.workspace.geometries import go_to_own_schema as go; go(); go()\n"
        "written = geopandas.GeoDataFrame.to_postgis\n"
        "print(hasattr(written, '__wrapped__'), hasattr(written.__wrapped__, '__wrapped__'))"
    )
    assert said == ["True", "False"]


def test_a_missing_geopandas_stays_missing(tmp_path):
    said = run(
        "import sys; from divebell.workspace.geometries import go_to_own_schema; go_to_own_schema()\n"
        "sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "try:\n    import geopandas.geodataframe\nexcept ModuleNotFoundError as error:\n    print(error.name)"
    )
    assert said == ["geopandas"]


def test_a_schema_that_is_given_is_used_and_none_means_the_first_of_the_search_path():
    said = run(
        "import sys, types, sqlalchemy; from divebell.workspace import geometries\n"
        "class GeoDataFrame:\n"
        "    def to_postgis(self, name, con, schema=None, if_exists='fail'): print(name, schema, if_exists)\n"
        "module = types.SimpleNamespace(GeoDataFrame=GeoDataFrame)\n"
        "geometries._change(module)\n"
        "engine = sqlalchemy.create_engine('sqlite://')\n"
        "GeoDataFrame().to_postgis('a', engine)\n"
        "GeoDataFrame().to_postgis('b', engine, 'given', if_exists='replace')"
    )
    assert said == ["a", "main", "fail", "b", "given", "replace"]
