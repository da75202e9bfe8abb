import stat
from pathlib import Path

from divebell.workspace.room import Level
from divebell.workspace.surroundings import private_folder, variables


def test_each_start_has_a_private_folder_and_takes_the_last_ones_away(tmp_path):
    home, other = Path("/home/ana"), Path("/home/ben")
    first, bens = private_folder(home, tmp_path), private_folder(other, tmp_path)
    (first / "runtime").mkdir()
    second = private_folder(home, tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([bens, second])
    assert stat.S_IMODE(second.stat().st_mode) == 0o700


def test_a_link_put_there_by_somebody_else_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    folder = private_folder(Path("/home/ana"), tmp_path)
    begin = folder.name[: folder.name.rindex("-") + 1]
    (tmp_path / f"{begin}trap").symlink_to(precious)
    private_folder(Path("/home/ana"), tmp_path)
    assert (precious / "file").exists()


def test_what_runs_is_never_in_the_home(tmp_path):
    found = variables(Path("/home/ana"), tmp_path, Level.PLENTY, {})
    assert found["JUPYTER_RUNTIME_DIR"].startswith(str(tmp_path))
    assert "JUPYTER_DATA_DIR" not in found


def test_nothing_that_programs_write_goes_to_a_full_home_and_its_kernels_are_still_found(tmp_path):
    found = variables(Path("/home/ana"), tmp_path, Level.FULL, {})
    for name in (
        "JUPYTER_DATA_DIR",
        "IPYTHONDIR",
        "MPLCONFIGDIR",
        "XDG_CACHE_HOME",
        "JUPYTERLAB_WORKSPACES_DIR",
    ):
        assert found[name].startswith(str(tmp_path)), name
    assert found["JUPYTER_PATH"].endswith(":/home/ana/.local/share/jupyter")
