from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from divebell.pipeline.names import (
    LONGEST,
    base_names,
    column_names,
    index_name,
    layer_names,
    own_names,
    slug,
)


def test_a_table_is_called_like_its_file() -> None:
    assert base_names(["data/Well Sites-2020.csv"], {}) == {"data/Well Sites-2020.csv": "well_sites_2020"}


def test_a_packed_file_is_called_like_what_is_in_it() -> None:
    names = base_names(["data/wells.csv.gz", "data/roads.shp.zip", "data/v1.2.zip"], {})
    assert names == {"data/wells.csv.gz": "wells", "data/roads.shp.zip": "roads", "data/v1.2.zip": "v1_2"}
    assert base_names(["x.csv", "x.csv.gz"], {}) == {"x.csv": "x_csv", "x.csv.gz": "x_csv_gz"}


def test_a_name_begins_with_a_letter_and_has_no_accents() -> None:
    assert (slug("2020 Übersicht"), slug("数据")) == ("t_2020_ubersicht", "")


def test_files_that_want_one_name_get_their_folders_in_front() -> None:
    assert base_names(["data/a/x.csv", "data/b/x.csv"], {}) == {"data/a/x.csv": "a_x", "data/b/x.csv": "b_x"}


def test_files_in_one_folder_get_their_endings_behind() -> None:
    assert base_names(["data/x.csv", "data/x.shp"], {}) == {"data/x.csv": "x_csv", "data/x.shp": "x_shp"}


def test_a_name_that_is_given_already_is_not_given_again() -> None:
    assert base_names(["data/a/x.csv", "data/b/x.csv"], {"data/a/x.csv": "x"}) == {
        "data/a/x.csv": "x",
        "data/b/x.csv": "b_x",
    }


def test_a_stem_that_looks_like_anothers_new_name_stays_apart() -> None:
    names = base_names(["data/a/x.csv", "data/b/x.csv", "data/a_x.csv"], {})
    assert len(set(names.values())) == 3


@given(st.sets(st.text(min_size=1, max_size=90).filter(lambda path: not path.endswith("/")), max_size=8))
def test_names_are_different_short_and_the_same_every_time(paths: set[str]) -> None:
    names = base_names(paths, {})
    assert set(names) == paths
    assert len(set(names.values())) == len(paths)
    assert all(0 < len(name) <= LONGEST and name == slug(name) for name in names.values())
    assert base_names(sorted(paths, reverse=True), {}) == names


@given(st.text(min_size=1, max_size=90), st.text(min_size=1, max_size=90))
def test_a_name_a_file_got_is_one_of_its_own(path: str, other: str) -> None:
    assert base_names([path, other], {})[path] in own_names(path)


def test_layers_are_called_after_file_and_layer() -> None:
    assert layer_names("f", "map", ["Roads", "Water"], []) == ["map_roads", "map_water"]
    assert layer_names("f", "map", ["Roads"], []) == ["map"]
    assert layer_names("f", "map", [None, None], []) == ["map_1", "map_2"]


def test_layers_whose_names_collide_are_told_apart() -> None:
    names = layer_names("f", "map", ["a b", "a-b", "c"], ["map_c"])
    assert len({*names, "map_c"}) == 4


def test_columns_keep_clear_of_ours_and_postgresqls() -> None:
    assert column_names(["row_id", "xmin", "xmin_", "a"], {"row_id"}) == ["row_id_", "xmin_", "xmin__", "a"]


def test_no_table_can_be_called_like_an_index() -> None:
    assert index_name("wells", "geom") == "wells geom"
    assert len(index_name("w" * 63, "geom")) <= LONGEST
    assert index_name("w" * 63, "geom") != index_name("w" * 62 + "x", "geom")
