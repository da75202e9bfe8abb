import stat

from divebell.workspace.home import ensure_shared
from divebell.workspace.shared import ensure_public


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_lies_in_public_others_may_read(tmp_path):
    public = tmp_path / "public"
    ensure_public(tmp_path, "ana")
    assert "~/everyone/ana/" in (public / "README.md").read_text()
    (public / "maps").mkdir(mode=0o700)
    (public / "maps" / "a.png").write_text("a")
    (public / "maps" / "a.png").chmod(0o600)
    (public / "run.sh").write_text("a")
    (public / "run.sh").chmod(0o700)
    ensure_public(tmp_path, "ana")
    assert mode(public) == 0o755
    assert mode(public / "maps") == 0o755
    assert mode(public / "maps" / "a.png") == 0o644
    assert mode(public / "run.sh") == 0o744


def test_a_link_in_public_opens_nothing_elsewhere(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s")
    secret.chmod(0o600)
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "link").symlink_to(secret)
    (tmp_path / "public" / "folder").symlink_to(tmp_path)
    ensure_public(tmp_path, "ana")
    assert mode(secret) == 0o600


def test_something_else_called_public_is_left_alone(tmp_path):
    (tmp_path / "public").symlink_to("/nowhere")
    ensure_public(tmp_path, "ana")
    assert (tmp_path / "public").is_symlink()


def test_everyones_is_there_where_the_hub_shows_it(tmp_path):
    home, shared = tmp_path / "home", tmp_path / "shared"
    home.mkdir()
    ensure_shared(home, {"DIVEBELL_PERSON": "ana", "DIVEBELL_SHARED": str(shared)})
    assert not (home / "everyone").is_symlink()
    shared.mkdir()
    ensure_shared(home, {"DIVEBELL_PERSON": "ana", "DIVEBELL_SHARED": str(shared)})
    assert (home / "everyone").readlink() == shared
    assert (home / "public" / "README.md").exists()
