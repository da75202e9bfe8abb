"""What runs while the image is built."""

from __future__ import annotations

from divebell.containers.image.inside import packages, smoke

COMPLAINT = """\
error: No solution found when resolving dependencies
  ╰─▶ Because numba==0.59 depends on numpy<1.27 and you require numba==0.59,
      we can conclude that your requirements are unsatisfiable.
"""


def test_pins_are_taken_from_any_listing():
    listing = "# made by\na-b==1.0 ; python_version > '3'\nc_d==2.0.post1 \\\n    --hash=sha256:00\n-e .\n"
    assert packages.pins(listing) == ["a-b==1.0", "c_d==2.0.post1"]


def test_a_complaint_becomes_one_paragraph():
    assert packages.words(COMPLAINT) == (
        "error: No solution found when resolving dependencies Because numba==0.59 depends on numpy<1.27 and "
        "you require numba==0.59, we can conclude that your requirements are unsatisfiable."
    )


def test_names_are_taken_from_requirements():
    assert smoke.names("h3>=4\nscikit-learn\npsycopg[binary]==3\n") == ["h3", "scikit-learn", "psycopg"]


def test_a_package_is_imported_by_its_own_name_or_all_it_brings():
    assert smoke.modules_of("duckdb") == ["duckdb"]
    assert smoke.modules_of("jupysql") == ["sql"]


def test_a_check_that_fails_is_told_and_keeps_no_other_from_running(capsys):
    def fails():
        raise ValueError("no map")

    assert smoke.attempt(fails) == {"good": False, "found": "ValueError: no map", "seconds": 0.0}
    assert smoke.attempt(lambda: "a map") == {"good": True, "found": "a map", "seconds": 0.0}
    assert "no map" in capsys.readouterr().err
