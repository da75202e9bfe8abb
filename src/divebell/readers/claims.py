"""Look at the first bytes of a file: is it what its name says? Says in words what it is instead."""

from __future__ import annotations

from pathlib import Path

from divebell.errors import DivebellError

_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"version https://git-lfs.github.com/", "a Git LFS pointer, not the data itself",
     "store the file in the repository without LFS, or fetch it with 'git lfs pull' and commit the content"),
    (b"{\\rtf", "a rich-text document (RTF)", "save it as plain text and commit that"),
    (b"%PDF", "a PDF document", "export the table behind it as CSV"),
    (b"PK\x03\x04", "a zip archive or an Office document", "give it the ending of what it is: .zip or .xlsx"),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "give it the ending .xls, or save it as CSV"),
    (b"SQLite format 3", "an SQLite database", "give it the ending .gpkg if it is a GeoPackage"),
    (b"\x1f\x8b", "a gzip archive", "unpack it and commit the content"),
    (b"\x89PNG", "a picture", "commit the data behind it"),
    (b"\xff\xd8\xff", "a picture", "commit the data behind it"),
    (b"PAR1", "a Parquet file", "give it the ending .parquet"),
    (b"<!doctype html", "a web page", "download the data itself: the page may be a sign-in or an error page"),
    (b"<html", "a web page", "download the data itself: the page may be a sign-in or an error page"),
    (b"<ogrvrtdatasource", "a GDAL virtual file that points elsewhere", "commit the data it points at"),
    (b"<?xml", "an XML document", "save it as CSV or GeoJSON"),
)  # fmt: skip


def head(path: Path, size: int = 4096) -> bytes:
    """Read the first bytes of a plain file. Raises DivebellError for folders, links and empty files."""
    if path.is_symlink():
        raise DivebellError(f"{path.name} is a link to another file", next_step="commit the file itself")
    if path.is_dir():
        raise DivebellError(
            f"{path.name} is a folder, not a file", next_step="give the files in it own names"
        )
    if not path.exists():
        raise DivebellError(f"{path.name} is not there", next_step="check whether it was committed")
    with path.open("rb") as file:
        start = file.read(size)
    if not start.strip(b"\x00\r\n\t \xef\xbb\xbf\xff\xfe"):
        raise DivebellError(
            f"{path.name} is empty", next_step="commit the file with its content, or remove it"
        )
    return start


def refuse_imposter(path: Path, wanted: str) -> bytes:
    """Raise DivebellError when the first bytes show that a text file is something else; else return them."""
    start = head(path)
    lowered = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for signature, what, next_step in _KINDS:
        if lowered.startswith(signature.lower()):
            raise DivebellError(f"{path.name} is no {wanted}: it is {what}", next_step=next_step)
    return start


def require_signature(path: Path, signature: bytes, wanted: str) -> None:
    """Raise DivebellError unless a binary file starts with `signature`."""
    if not head(path).startswith(signature):
        refuse_imposter(path, wanted)
        raise DivebellError(
            f"{path.name} is no {wanted}: its first bytes are not those of one",
            next_step="export it again from the program that made it",
        )
