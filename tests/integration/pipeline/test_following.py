"""Whatever happens on the branch, the tables become what the last commit says."""

from __future__ import annotations

import pytest

from divebell.errors import DivebellError

from .conftest import Loading, git

WELLS = "id,depth\n1,10\n2,20\n"
SITES = "code,name\n00501,Holtsville\n01001,Agawam\n"


def checksums(loading: Loading) -> dict[str, str]:
    """Give what each file's table holds, whatever the table is called."""
    return {
        entry.file: loading.column(
            f"SELECT md5(string_agg(t::text, chr(10) ORDER BY row_id)) FROM data.{entry.table_name} t"
        )[0]
        for entry in loading.listing.datasets
    }


def afresh(loading: Loading) -> dict[str, str]:
    """Give what the tables hold when HEAD is loaded into an empty catalogue."""
    for table in loading.tables:
        loading.connection.execute(f"DROP TABLE data.{table}")
    loading.connection.execute("DELETE FROM catalogue.dataset")
    loading.load()
    return checksums(loading)


def state_of_tables(loading: Loading) -> dict[str, tuple[str, int]]:
    return {entry.file: (entry.table_name, entry.rows) for entry in loading.listing.datasets}


def test_each_dataset_of_the_commit_is_a_table(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/raw/Well Sites-2020.csv": SITES, "README.md": "# About"})
    assert state_of_tables(loading) == {
        "data/wells.csv": ("wells", 2),
        "data/raw/Well Sites-2020.csv": ("well_sites_2020", 2),
    }
    assert loading.tables == {"wells", "well_sites_2020"}
    assert loading.rows("SELECT row_id, id, depth FROM data.wells ORDER BY row_id") == [
        (1, 1, 10),
        (2, 2, 20),
    ]


def test_codes_keep_their_leading_zeros(loading: Loading) -> None:
    loading.load({"data/sites.csv": SITES})
    assert loading.column("SELECT code FROM data.sites ORDER BY row_id") == ["00501", "01001"]


def test_a_changed_file_is_loaded_again_and_an_unchanged_one_is_not(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": SITES})
    before = loading.rows("SELECT oid, relfilenode FROM pg_class WHERE oid = 'data.sites'::regclass")
    loaded_at = [entry.loaded_at for entry in loading.listing.datasets if entry.table_name == "sites"]
    loading.load({"data/wells.csv": WELLS + "3,30\n"})
    assert state_of_tables(loading)["data/wells.csv"] == ("wells", 3)
    assert before == loading.rows("SELECT oid, relfilenode FROM pg_class WHERE oid = 'data.sites'::regclass")
    assert loaded_at == [entry.loaded_at for entry in loading.listing.datasets if entry.table_name == "sites"]
    assert (loading.summaries[-1].loaded, loading.summaries[-1].kept) == (1, 1)


def test_a_deleted_file_takes_its_table_along(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": SITES})
    loading.load({"data/sites.csv": None})
    assert loading.tables == {"wells"}


def test_the_last_dataset_can_be_deleted_too(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.load({"data/wells.csv": None})
    assert (loading.tables, loading.listing.datasets) == (set(), ())
    assert "no folder 'data'" in str(loading.summaries[-1].problem)


def test_a_renamed_file_has_its_table_under_the_new_name_and_is_not_read_again(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.load({"data/wells.csv": None, "data/boreholes.csv": WELLS})
    assert (loading.tables, state_of_tables(loading)) == (
        {"boreholes"},
        {"data/boreholes.csv": ("boreholes", 2)},
    )
    assert loading.summaries[-1].loaded == 0
    assert loading.column("SELECT obj_description('data.boreholes'::regclass)") == ["data/boreholes.csv"]
    loading.load({"data/wells.csv": SITES})
    assert loading.listing.failed == ()
    assert loading.tables == {"boreholes", "wells"}


def test_two_files_that_change_places_are_told_apart(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": SITES})
    loading.load({"data/wells.csv": SITES, "data/sites.csv": WELLS})
    assert loading.column("SELECT depth FROM data.sites ORDER BY row_id") == [10, 20]
    assert loading.column("SELECT name FROM data.wells ORDER BY row_id") == ["Holtsville", "Agawam"]


def test_the_whole_tree_moves_without_being_read_again(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": SITES})
    before = checksums(loading)
    git(loading.repo.folder, "mv", "data", "raw")
    (loading.repo.folder / "data").mkdir()
    git(loading.repo.folder, "mv", "raw", "data/raw")
    loading.repo.commit()
    loading.load()
    assert loading.summaries[-1].loaded == 0
    assert loading.tables == {"wells", "sites"}
    assert checksums(loading) == {file.replace("data/", "data/raw/"): total for file, total in before.items()}


def test_every_turn_of_a_history_ends_as_a_fresh_load_of_its_head(loading: Loading) -> None:
    folder = loading.repo.folder
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": SITES})
    git(folder, "checkout", "--quiet", "-b", "side")
    loading.repo.commit({"data/side.csv": WELLS, "data/sites.csv": SITES + "9,Nine\n"})
    git(folder, "checkout", "--quiet", "main")
    loading.load({"data/wells.csv": WELLS + "3,30\n"})
    git(folder, "merge", "--quiet", "--no-edit", "side")
    loading.load()
    git(folder, "revert", "--no-edit", "-m", "1", "HEAD")
    loading.load()
    git(folder, "reset", "--quiet", "--hard", "HEAD~2")
    loading.load()
    git(folder, "commit", "--quiet", "--amend", "--allow-empty", "--message=Rewritten")
    loading.load(
        {"data/wells.csv": None, "data/boreholes.csv": WELLS + "3,30\n", "data/raw/sites.csv": SITES}
    )
    git(folder, "checkout", "--quiet", "--orphan", "again")
    git(folder, "branch", "--delete", "--force", "main")
    loading.repo.commit({"data/wells.csv": SITES})
    git(folder, "branch", "--move", "again", "main")
    loading.load()
    assert loading.listing.failed == ()
    followed = checksums(loading)
    assert set(followed) == {"data/wells.csv", "data/boreholes.csv", "data/sites.csv", "data/raw/sites.csv"}
    assert followed == afresh(loading)


def test_names_stay_when_others_that_want_them_come_and_go(loading: Loading) -> None:
    loading.load({"data/a/wells.csv": WELLS, "data/b/wells.csv": SITES})
    assert loading.tables == {"a_wells", "b_wells"}
    loading.load({"data/b/wells.csv": None})
    loading.load({"data/a/wells.csv": WELLS + "3,30\n"})
    assert loading.tables == {"a_wells"}
    loading.load({"data/b/wells.csv": SITES, "data/c/wells.csv": SITES})
    assert loading.tables == {"a_wells", "b_wells", "c_wells"}


def test_a_file_that_moves_to_another_folder_hands_its_table_over(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.connection.execute("CREATE VIEW data.deep AS SELECT * FROM data.wells WHERE depth > 15")
    loading.load({"data/wells.csv": None, "data/raw/wells.csv": WELLS})
    assert state_of_tables(loading) == {"data/raw/wells.csv": ("wells", 2)}
    assert loading.column("SELECT count(*) FROM data.deep") == [1]
    assert loading.listing.failed == ()
    loading.connection.execute("DROP VIEW data.deep")


def test_a_revert_brings_the_old_rows_back(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.load({"data/wells.csv": WELLS + "3,30\n", "data/sites.csv": SITES})
    git(loading.repo.folder, "revert", "--no-edit", "HEAD")
    loading.load()
    assert state_of_tables(loading) == {"data/wells.csv": ("wells", 2)}
    assert loading.tables == {"wells"}


def test_a_force_push_is_nothing_special(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.load({"data/wells.csv": WELLS + "3,30\n"})
    git(loading.repo.folder, "checkout", "--quiet", "--orphan", "fresh")
    loading.repo.commit({"data/wells.csv": WELLS + "4,40\n5,50\n", "data/sites.csv": SITES})
    git(loading.repo.folder, "branch", "--force", "main", "fresh")
    loading.load()
    assert state_of_tables(loading) == {"data/wells.csv": ("wells", 4), "data/sites.csv": ("sites", 2)}
    git(loading.repo.folder, "checkout", "--quiet", "main")


def test_only_what_is_committed_is_loaded(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.repo.write("data/wells.csv", WELLS + "3,30\n")
    loading.load()
    assert state_of_tables(loading) == {"data/wells.csv": ("wells", 2)}


def test_two_files_that_want_one_name_get_names_that_tell_them_apart(loading: Loading) -> None:
    loading.load(
        {"data/florida/wells.csv": WELLS, "data/texas/wells.csv": WELLS, "data/wells.tsv": "a\tb\n1\t2\n"}
    )
    assert loading.tables == {"florida_wells", "texas_wells", "data_wells"}
    loading.load({"data/other.csv": SITES})
    assert loading.tables == {"florida_wells", "texas_wells", "data_wells", "other"}
    assert loading.summaries[-1].loaded == 1


def test_a_newcomer_leaves_the_name_to_the_table_that_is_there(loading: Loading) -> None:
    loading.load({"data/florida/wells.csv": WELLS})
    loading.load({"data/texas/wells.csv": SITES})
    assert state_of_tables(loading) == {
        "data/florida/wells.csv": ("wells", 2),
        "data/texas/wells.csv": ("texas_wells", 2),
    }


def test_a_hint_names_the_table_and_taking_it_away_gives_the_file_its_own_name_back(loading: Loading) -> None:
    loading.hint(**{"data/wells.csv": {"table": "liens"}})
    loading.load({"data/wells.csv": WELLS})
    assert loading.tables == {"liens"}
    loading.hint()
    loading.load()
    assert loading.tables == {"wells"}


def test_a_hint_takes_a_name_that_another_file_had(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": SITES})
    loading.hint(**{"data/sites.csv": {"table": "wells"}})
    loading.load()
    loading.load()
    assert state_of_tables(loading) == {"data/wells.csv": ("data_wells", 2), "data/sites.csv": ("wells", 2)}
    assert loading.tables == {"wells", "data_wells"}


def test_a_hint_for_a_file_that_is_not_there_is_reported(loading: Loading) -> None:
    loading.hint(**{"data/well.csv": {"table": "wells"}})
    listing = loading.load({"data/wells.csv": WELLS})
    assert [failure.file for failure in listing.failed] == ["data/well.csv"]


def test_a_missing_branch_is_named_with_those_that_are_there(loading: Loading) -> None:
    loading.repo.commit({"data/wells.csv": WELLS})
    git(loading.repo.folder, "branch", "--move", "main", "master")
    with pytest.raises(DivebellError, match="no branch 'main'; its branches are: master"):
        loading.load()


def test_an_empty_repository_is_said_to_have_no_commit(loading: Loading) -> None:
    with pytest.raises(DivebellError, match="has no commit yet"):
        loading.load()


def test_a_link_in_the_repository_is_not_followed(loading: Loading) -> None:
    (loading.repo.folder / "data").mkdir()
    (loading.repo.folder / "data" / "secret.csv").symlink_to("/etc/passwd")
    listing = loading.load({"data/wells.csv": WELLS})
    assert loading.tables == {"wells"}
    assert [(failure.file, failure.reason.split(",")[0]) for failure in listing.failed] == [
        ("data/secret.csv", "it is a link")
    ]
    assert not (loading.state.checkout / "data" / "secret.csv").exists()


def test_a_table_that_somebody_dropped_comes_back(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.connection.execute("DROP TABLE data.wells")
    loading.load()
    assert loading.tables == {"wells"}
