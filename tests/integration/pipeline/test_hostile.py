"""Each hostile file is harmless: it is named with a reason, or tamed with a warning, and its neighbour loads.

The numbers are those of the threats the project was built against.
"""

from __future__ import annotations

import gzip
import http.server
import io
import itertools
import json
import subprocess
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from divebell.errors import DivebellError
from git_host import GIT, git

from .conftest import Loading
from .hostile import SECRET, WELLS, load_beside, loaded_text, refused, zipped

LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 12345\n"


def workbook(sheet: str, *, before: str = "") -> bytes:
    """Make a workbook of one sheet from the text of its XML."""
    spaces = "http://schemas.openxmlformats.org"
    main = f"{spaces}/spreadsheetml/2006/main"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    links = f"{spaces}/officeDocument/2006/relationships"
    declared = "<?xml version='1.0' encoding='UTF-8'?>"
    return zipped(
        **{
            "[Content_Types].xml": f"{declared}<Types xmlns='{spaces}/package/2006/content-types'>"
            "<Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/>"
            f"<Override PartName='/xl/workbook.xml' ContentType='{kinds}.sheet.main+xml'/>"
            f"<Override PartName='/xl/worksheets/sheet1.xml' ContentType='{kinds}.worksheet+xml'/></Types>",
            "_rels/.rels": f"{declared}<Relationships xmlns='{spaces}/package/2006/relationships'>"
            f"<Relationship Id='r1' Type='{links}/officeDocument' Target='xl/workbook.xml'/></Relationships>",
            "xl/_rels/workbook.xml.rels": f"{declared}<Relationships xmlns='{spaces}/package/2006/relationships'>"
            f"<Relationship Id='r1' Type='{links}/worksheet' Target='worksheets/sheet1.xml'/></Relationships>",
            "xl/workbook.xml": f"{declared}<workbook xmlns='{main}' xmlns:r='{links}'>"
            "<sheets><sheet name='s' sheetId='1' r:id='r1'/></sheets></workbook>",
            "xl/worksheets/sheet1.xml": f"{declared}{before}<worksheet xmlns='{main}'>"
            f"<sheetData>{sheet}</sheetData></worksheet>",
        }
    )


@pytest.fixture
def secret() -> Iterator[Path]:
    """Give a file that everyone on this machine may read, so that nothing but the loader stands in the way."""
    with tempfile.TemporaryDirectory(prefix="divebell-secret-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = folder / "secret.csv"
        file.write_text(f"id,word\n1,{SECRET}\n")
        yield file


@pytest.fixture
def inside() -> Iterator[tuple[str, list[str]]]:
    """Give the address of a web server within, and the list of what it is asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"id,word\n1,{SECRET}\n".encode())

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/x.csv", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["points.csv", "points.geojson", "points.kml", "points.json"])
def test_28_a_virtual_file_under_another_name_fetches_and_reads_nothing(
    loading: Loading, secret: Path, inside: tuple[str, list[str]], name: str
) -> None:
    address, asked = inside
    virtual = "<OGRVRTDataSource>" + "".join(
        f'<OGRVRTLayer name="{layer}"><SrcDataSource>{source}</SrcDataSource></OGRVRTLayer>'
        for layer, source in (("secret", secret), ("x", f"/vsicurl/{address}"))
    )
    refused(loading, name, virtual + "</OGRVRTDataSource>")
    assert asked == []


def test_29_a_stream_of_commands_for_gdal_is_no_geojson(loading: Loading, secret: Path) -> None:
    refused(
        loading,
        "points.geojson",
        json.dumps({"type": "gdal_streamed_alg", "command_line": f"gdal vector pipeline ! read {secret}"}),
    )


@pytest.mark.parametrize("quote", ["'", '"'])
def test_30_a_workbook_of_one_far_cell_takes_no_memory(loading: Loading, quote: str) -> None:
    near, far = (
        "<row r='1'><c r='A1'><v>7</v></c></row>",
        "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>",
    )
    assert refused(loading, "far.xlsx", workbook((near + far).replace("'", quote)))


@pytest.mark.parametrize("kind", ["kml", "xlsx"])
def test_31_an_xml_entity_reads_no_file(loading: Loading, secret: Path, kind: str) -> None:
    entity = f"<!DOCTYPE x [<!ENTITY leak SYSTEM 'file://{secret}'>]>"
    if kind == "kml":
        place = "<Placemark><name>&leak;</name><Point><coordinates>1,2</coordinates></Point></Placemark>"
        content: str | bytes = f"{entity}<kml xmlns='http://www.opengis.net/kml/2.2'>{place}</kml>"
    else:
        rows = "<row r='1'><c r='A1' t='str'><v>&leak;</v></c></row><row r='2'><c r='A2'><v>1</v></c></row>"
        content = workbook(rows, before=entity)
    listing = load_beside(loading, f"leak.{kind}", content)
    assert SECRET not in loaded_text(loading)
    assert {one.file for one in (*listing.failed, *listing.datasets)} == {
        f"data/leak.{kind}",
        "data/wells.csv",
    }


def test_31_entities_that_multiply_are_refused(loading: Loading) -> None:
    names = [f"e{n}" for n in range(12)]
    entities = "<!ENTITY e0 'ha'>" + "".join(
        f"<!ENTITY {after} '{f'&{before};' * 10}'>" for before, after in itertools.pairwise(names)
    )
    place = "<Placemark><name>&e11;</name><Point><coordinates>1,2</coordinates></Point></Placemark>"
    refused(
        loading,
        "laughs.kml",
        f"<!DOCTYPE x [{entities}]><kml xmlns='http://www.opengis.net/kml/2.2'>{place}</kml>",
    )


def test_32_a_zip_bomb_is_left_alone(loading: Loading) -> None:
    bomb = zipped(**{"zeros.csv": "a\n" + "0\n" * 100_000_000})
    assert "unpacks to far more" in refused(loading, "bomb.zip", bomb)


def test_32_a_gzip_bomb_is_left_alone(loading: Loading) -> None:
    bomb = gzip.compress(b"a\n" + b"0\n" * 100_000_000, 9)
    assert refused(loading, "bomb.csv.gz", bomb)


def test_33_links_and_ways_out_in_an_archive_lead_nowhere(loading: Loading, secret: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("linked.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(secret))
        archive.writestr("good.csv", "id\n1\n")
    listing = load_beside(loading, "links.zip", out.getvalue())
    assert listing.failed == ()
    assert len(listing.datasets) == 2
    assert SECRET not in loaded_text(loading)
    assert str(secret) not in loaded_text(loading)


@pytest.mark.parametrize("name", ["../../escaped.csv", "/tmp/escaped.csv", "..\\..\\escaped.csv"])
def test_33_an_archive_that_would_unpack_elsewhere_is_refused(loading: Loading, name: str) -> None:
    assert "outside its folder" in refused(loading, "escape.zip", zipped(**{name: "id\n1\n"}))


def test_37_a_link_in_the_repository_is_not_followed(loading: Loading, secret: Path) -> None:
    folder = loading.repo.folder / "data"
    folder.mkdir()
    (folder / "leak.csv").symlink_to(secret)
    (folder / "folder").symlink_to(secret.parent)
    loading.load({"data/wells.csv": WELLS})
    assert loading.tables == {"wells"}
    assert SECRET not in loaded_text(loading)


def test_39_a_pointer_of_git_lfs_is_named_whatever_it_is_called(loading: Loading) -> None:
    for name in ("points.geojson", "points.xlsx", "points.zip", "points.parquet"):
        loading.repo.write(f"data/{name}", LFS)
    listing = loading.load({"data/wells.csv": WELLS})
    assert loading.tables == {"wells"}
    assert len(listing.failed) == 4
    assert all("Git LFS" in failure.reason for failure in listing.failed)


def test_38_a_git_bomb_leaves_everything_as_it_was(loading: Loading) -> None:
    def make(*arguments: str, given: str) -> str:
        command = ["git", "-C", str(loading.repo.folder), *arguments]
        done = subprocess.run(command, env=GIT, input=given, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    good = loading.repo.commit({"data/wells.csv": WELLS})
    loading.load()
    entry = "100644 blob " + make("hash-object", "-w", "--stdin", given="bang")
    for _ in range(10):
        tree = make("mktree", given="".join(f"{entry}\tf{number}\n" for number in range(10)))
        entry = f"040000 tree {tree}"
    git(loading.repo.folder, "update-ref", "refs/heads/main", make("commit-tree", tree, given="bomb"))
    with pytest.raises(DivebellError, match="unpacks to more than"):
        loading.load()
    assert loading.column("SELECT count(*) FROM data.wells") == [2]
    git(loading.repo.folder, "update-ref", "refs/heads/main", good)
    assert loading.load().failed == ()
