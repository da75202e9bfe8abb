from __future__ import annotations

from divebell.event.model import DatasetHint
from divebell.pipeline.plan import (
    Catalogue,
    Dataset,
    Drop,
    Forget,
    Keep,
    Known,
    Load,
    Report,
    datasets,
    plan,
)
from divebell.pipeline.repository import TreeFile


def tree(**blobs: str) -> list[TreeFile]:
    return [TreeFile(f"data/{name}.csv", blob, len(blob), "100644") for name, blob in blobs.items()]


def dataset(file: str, identity: str = "1", size: int = 1, **hint: str) -> Dataset:
    return Dataset(file, identity, size, DatasetHint(**hint))


def test_smaller_datasets_come_first() -> None:
    steps = plan([dataset("data/b.csv", size=9), dataset("data/a.csv", size=10)], [], Catalogue()).steps
    assert [step.dataset.file for step in steps if isinstance(step, Load)] == ["data/b.csv", "data/a.csv"]


def test_an_unchanged_dataset_is_kept_and_a_changed_one_is_loaded() -> None:
    catalogue = Catalogue((Known("data/a.csv", None, "a", "1"), Known("data/b.csv", None, "b", "0")))
    steps = plan([dataset("data/a.csv"), dataset("data/b.csv")], [], catalogue).steps
    assert steps == (Keep("data/a.csv"), Load(dataset("data/b.csv"), "b"))


def test_a_dataset_whose_table_is_missing_is_loaded() -> None:
    catalogue = Catalogue((Known("data/a.csv", None, "a", "1", present=False),))
    assert plan([dataset("data/a.csv")], [], catalogue).steps == (Load(dataset("data/a.csv"), "a"),)


def test_a_dataset_that_failed_is_tried_again_only_when_it_changes() -> None:
    catalogue = Catalogue((), {"data/a.csv": "1", "data/b.csv": "0"})
    steps = plan([dataset("data/a.csv"), dataset("data/b.csv")], [], catalogue).steps
    assert steps == (Keep("data/a.csv"), Load(dataset("data/b.csv"), "b"))


def test_a_dataset_that_is_as_it_was_loaded_forgets_its_failure() -> None:
    catalogue = Catalogue((Known("data/a.csv", None, "a", "1"),), {"data/a.csv": "2"})
    assert plan([dataset("data/a.csv")], [], catalogue).steps == (Keep("data/a.csv", forget=True),)


def test_what_is_gone_is_dropped_last() -> None:
    catalogue = Catalogue((Known("data/old.csv", None, "old", "0"),), {"data/bad.csv": "1"})
    steps = plan([dataset("data/new.csv")], [], catalogue).steps
    assert steps == (
        Load(dataset("data/new.csv"), "new"),
        Forget("data/bad.csv"),
        Drop("data/old.csv", "old"),
    )


def test_a_report_is_made_once() -> None:
    report = Report("data/link.csv", "blob", "it is a link")
    assert plan([], [report], Catalogue()).steps == (report,)
    assert plan([], [report], Catalogue((), {"data/link.csv": "blob"})).steps == ()


def test_identity_depends_on_contents_and_hint_only() -> None:
    [first], _ = datasets(tree(a="1"), "data", {})
    [same], _ = datasets(tree(a="1", b="2")[:1], "data", {"data/b.csv": DatasetHint()})
    [other], _ = datasets(tree(a="2"), "data", {})
    [hinted], _ = datasets(tree(a="1"), "data", {"data/a.csv": DatasetHint(crs="EPSG:4269")})
    assert first.identity == same.identity
    assert len({first.identity, other.identity, hinted.identity}) == 3


def test_a_shapefile_is_one_dataset_that_changes_with_any_of_its_parts() -> None:
    def parts(projection: str) -> list[TreeFile]:
        blobs = {"shp": "1", "shx": "2", "dbf": "3", "prj": projection}
        return [TreeFile(f"data/roads.{end}", blob, 1, "100644") for end, blob in blobs.items()]

    [before], _ = datasets(parts("4"), "data", {})
    [after], _ = datasets(parts("5"), "data", {})
    assert (before.file, before.size) == ("data/roads.shp", 4)
    assert before.identity != after.identity


def test_links_submodules_and_files_elsewhere_are_no_datasets() -> None:
    files = [
        TreeFile("data/link.csv", "1", 9, "120000"),
        TreeFile("data/module", "2", 0, "160000"),
        TreeFile("other/a.csv", "3", 9, "100644"),
    ]
    found, reports = datasets(files, "data", {})
    assert found == []
    assert [report.file for report in reports] == ["data/link.csv", "data/module"]


def test_the_whole_repository_may_be_the_data_folder() -> None:
    found, _ = datasets([TreeFile("a.csv", "1", 9, "100644")], ".", {})
    assert [one.file for one in found] == ["a.csv"]
