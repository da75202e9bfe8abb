"""What the tests of hostile files share: a good file beside the bad one, and a look at all that was loaded."""

from __future__ import annotations

import io
import zipfile

from divebell.database.catalogue import Listing

from .conftest import Loading

WELLS = "id,depth\n1,10\n2,20\n"
SECRET = "secret-1f2e3d"


def load_beside(loading: Loading, name: str, content: str | bytes) -> Listing:
    """Load a file with a good one beside it; the good one must be there whatever the other is."""
    listing = loading.load({f"data/{name}": content, "data/wells.csv": WELLS})
    assert loading.column("SELECT count(*) FROM data.wells") == [2]
    return listing


def refused(loading: Loading, name: str, content: str | bytes) -> str:
    """Load a file that must be refused, and give the reason that the catalogue has."""
    listing = load_beside(loading, name, content)
    [failure] = listing.failed
    assert failure.file == f"data/{name}"
    assert loading.tables == {"wells"}
    assert SECRET not in failure.reason
    assert "Traceback" not in failure.reason
    return failure.reason


def zipped(**members: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def loaded_text(loading: Loading) -> str:
    """Give all that any table or the catalogue holds, as text."""
    texts = [str(loading.column(f'SELECT t::text FROM data."{table}" AS t')) for table in loading.tables]
    return " ".join([*texts, str(loading.listing)])
