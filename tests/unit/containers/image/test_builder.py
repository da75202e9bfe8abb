"""What belongs to the machine that builds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from divebell.containers.image import builder
from divebell.errors import DivebellError

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def sourced(files, name, tmp_path):
    """Give what a shell of a build stage finds in a variable."""
    (tmp_path / "environment").write_text(files["builder/environment"])
    script = f'. {tmp_path}/environment && printf %s "${name}"'
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout


def test_the_bundle_is_pips_else_everybodys_else_none():
    both = {"PIP_CERT": "/pip.crt", "SSL_CERT_FILE": "/all.crt"}
    assert builder.bundle_of(both) == Path("/pip.crt")
    assert builder.bundle_of({"SSL_CERT_FILE": "/all.crt"}) == Path("/all.crt")
    assert builder.bundle_of({"PIP_CERT": ""}) is None


def test_certificates_go_beside_the_recipe(tmp_path):
    (tmp_path / "ca.crt").write_text(CERTIFICATE)
    files = builder.files({}, tmp_path / "ca.crt")
    assert files["builder/ca.crt"] == CERTIFICATE
    assert sourced(files, "PIP_CERT", tmp_path) == "/builder/ca.crt"
    assert sourced(files, "SSL_CERT_FILE", tmp_path) == "/builder/ca.crt"


def test_the_builders_package_index_is_used_whatever_is_in_its_address(tmp_path):
    address = "https://me:it's $HOME@index.example/simple"
    files = builder.files({"PIP_INDEX_URL": address}, None)
    assert sourced(files, "PIP_INDEX_URL", tmp_path) == address
    assert sourced(files, "UV_DEFAULT_INDEX", tmp_path) == address
    assert "builder/ca.crt" not in files


def test_a_bundle_that_is_none_is_told(tmp_path):
    with pytest.raises(DivebellError, match="cannot be read"):
        builder.files({}, tmp_path / "missing.crt")
    (tmp_path / "words.crt").write_text("words")
    with pytest.raises(DivebellError, match="holds no certificates"):
        builder.files({}, tmp_path / "words.crt")
