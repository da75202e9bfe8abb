from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from divebell.event.model import DatasetHint
from divebell.pipeline.plan import (
    Adopt,
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


def test_one_changed_file_of_a_thousand_is_loaded() -> None:
    files = tree(**{f"part_{number:04}": f"blob {number}" for number in range(1000)})
    found, _ = datasets(files, "data", {})
    tables = tuple(Known(one.file, None, PurePosixPath(one.file).stem, one.identity) for one in found)
    changed = [replace(file, blob="other") if file.path == "data/part_0007.csv" else file for file in files]
    steps = plan(*datasets(changed, "data", {}), Catalogue(tables)).steps
    assert [step.dataset.file for step in steps if isinstance(step, Load)] == ["data/part_0007.csv"]
    assert sum(isinstance(step, Keep) for step in steps) == 999


def test_a_file_of_another_name_with_the_same_contents_gets_the_table() -> None:
    catalogue = Catalogue((Known("data/a.csv", None, "a", "1"), Known("data/c.csv", None, "c", "1")))
    [adopted, dropped] = plan([dataset("data/raw/c.csv")], [], catalogue).steps
    assert isinstance(adopted, Adopt)
    assert (adopted.source, adopted.names) == ("data/c.csv", (("c", "c"),))
    assert dropped == Drop("data/a.csv", "a")


def test_a_name_that_is_taken_is_not_handed_over() -> None:
    catalogue = Catalogue((Known("data/a.csv", None, "a", "1"), Known("data/x/b.csv", None, "b", "2")))
    steps = plan([dataset("data/b.csv"), dataset("data/x/b.csv", "2")], [], catalogue).steps
    assert {table for step in steps if isinstance(step, Adopt) for _, table in step.names} == {"data_b"}


def test_a_retired_table_is_dropped_when_nobody_uses_it_and_given_back_when_its_file_returns() -> None:
    retired = Known("data/a.csv", None, "a", "1", retired=True)
    assert plan([], [], Catalogue((retired,))).steps == (Drop("data/a.csv", "a"),)
    [back] = plan([dataset("data/a.csv")], [], Catalogue((retired,))).steps
    assert isinstance(back, Adopt)
    [load, *_] = plan([dataset("data/a.csv", "2")], [], Catalogue((retired,))).steps
    assert load == Load(dataset("data/a.csv", "2"), "a")


def test_a_retired_layer_is_looked_at_again_while_the_other_layers_are_kept() -> None:
    tables = (
        Known("data/m.gpkg", "roads", "m_roads", "2"),
        Known("data/m.gpkg", "water", "m_water", "2"),
        Known("data/m.gpkg", "old", "m_old", "1", retired=True),
    )
    assert plan([dataset("data/m.gpkg", "2")], [], Catalogue(tables)).steps == (
        Keep("data/m.gpkg"),
        Drop("data/m.gpkg", "m_old"),
    )


def test_a_file_with_layers_keeps_the_name_its_tables_have() -> None:
    tables = tuple(Known("data/a/map.gpkg", layer, f"map_{layer}", "1") for layer in ("roads", "water"))
    wanted = [dataset("data/a/map.gpkg", "2"), dataset("data/b/map.gpkg", "3")]
    assert plan(wanted, [], Catalogue(tables)).bases == {"data/a/map.gpkg": "map", "data/b/map.gpkg": "b_map"}


def test_a_load_says_why() -> None:
    def why(files: list[TreeFile], known: list[TreeFile], **hint: str) -> str:
        before, _ = datasets(known, "data", {})
        after, _ = datasets(files, "data", {"data/a.csv": DatasetHint(**hint)} if hint else {})
        tables = tuple(Known(one.file, None, "a", one.identity) for one in before)
        [step] = plan(after, [], Catalogue(tables)).steps
        assert isinstance(step, Load)
        return step.why

    assert why(tree(a="1"), []) == "it is new"
    assert why(tree(a="2"), tree(a="1")) == "its contents changed"
    assert why(tree(a="1"), tree(a="1"), crs="EPSG:4269") == "its hint in event.yaml changed"
    missing = Catalogue((Known("data/a.csv", None, "a", "1", present=False),))
    [step] = plan([dataset("data/a.csv")], [], missing).steps
    assert isinstance(step, Load)
    assert step.why == "its table is missing"


def test_identity_does_not_depend_on_where_a_file_lies() -> None:
    [here], _ = datasets([TreeFile("data/a.csv", "1", 1, "100644")], "data", {})
    [there], _ = datasets([TreeFile("data/raw/b.csv", "1", 1, "100644")], "data", {})
    [other], _ = datasets([TreeFile("data/raw/b.txt", "1", 1, "100644")], "data", {})
    assert here.identity == there.identity != other.identity
