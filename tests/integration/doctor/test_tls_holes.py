"""HTTPS: a server that speaks it badly is named. The server is a real one, with a certificate made here."""

import ssl
import subprocess
import threading
import warnings
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from divebell.deploy.tls.authority import keep_authority, keep_server
from divebell.doctor import tls
from divebell.doctor.runner import findings
from divebell.event import CertificateStanding, State
from live import free_port

CHECKS = {check.name: check for check in tls.CHECKS}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give the function that makes a certificate good for some days."""
    folder = tmp_path_factory.mktemp("certificates")

    def make(days):
        files = folder / f"{days}.pem", folder / f"{days}.key"
        if not files[0].exists():
            command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)]
            names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
            paths = ["-out", str(files[0]), "-keyout", str(files[1])]
            subprocess.run([*command, *names, *paths], check=True, capture_output=True)
        return files

    return make


@contextmanager
def serving(files, header="max-age=31536000", oldest=ssl.TLSVersion.TLSv1_2):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            if header:
                self.send_header("Strict-Transport-Security", header)
            self.end_headers()

        def log_message(self, *_):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if oldest is not ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = oldest
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def leading(to):
    """Answer without encryption, and lead to another address."""

    class Away(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(301 if to else 200)
            if to:
                self.send_header("Location", to)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Away)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def look(monkeypatch, tmp_path):
    """Give the function that runs the checks of HTTPS against a port."""

    def run(port, trusted=None, plain=None):
        monkeypatch.setattr(tls, "PORT", port)
        monkeypatch.setattr(tls, "PLAIN_PORT", plain or free_port())
        if trusted is not None:
            monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        patient = SimpleNamespace(
            event=SimpleNamespace(address="localhost"), state=State(tmp_path), served=None
        )
        return {name.partition(".")[2]: findings(check, patient) for name, check in CHECKS.items()}

    return run


def verdicts(told):
    return {name: [str(finding.verdict) for finding in findings_] for name, findings_ in told.items()}


def test_a_good_server_is_fine(look, made):
    with serving(made(90)) as port, leading("https://localhost/hub/login") as plain:
        told = look(port, made(90)[0], plain)
    assert verdicts(told) == {name: ["ok"] for name in ("certificate", "protocols", "strict", "redirect")}


def test_an_address_where_nothing_answers_is_named(look):
    told = look(free_port())
    assert verdicts(told) == {name: ["open"] for name in ("certificate", "protocols", "strict", "redirect")}
    secured = [told[name] for name in ("certificate", "protocols", "strict")]
    assert all(found.what.startswith("there is no HTTPS") for each in secured for found in each)


@pytest.mark.parametrize("to", ["", "http://localhost/elsewhere"])
def test_an_address_that_does_not_lead_to_https_is_named(look, made, to):
    with serving(made(90)) as port, leading(to) as plain:
        told = look(port, made(90)[0], plain)
    assert verdicts(told)["redirect"] == ["open"]
    assert "instead of leading to HTTPS" in told["redirect"][0].what


def test_the_events_own_authority_is_trusted(look, tmp_path):
    authority = keep_authority(State(tmp_path).authority, "A test event", ("localhost",), datetime.now(UTC))
    text = keep_server(State(tmp_path).authority, authority, ("localhost",), datetime.now(UTC))
    with serving((text, text)) as port:
        assert verdicts(look(port))["certificate"] == ["ok"]


def test_why_there_is_no_better_certificate_is_said(look, made, tmp_path):
    reason = "the issuer finds no address for localhost in DNS"
    standing = CertificateStanding(
        "automatic", "self-signed", "2027-01-01T00:00:00+00:00", ("localhost",), reason
    )
    State(tmp_path).certificate_file.write_text(standing.text())
    with serving(made(90)) as port:
        told = look(port)
    assert reason in told["certificate"][0].what


def test_a_certificate_that_nobody_trusts_is_named(look, made):
    with serving(made(90)) as port:
        told = look(port)
    assert verdicts(told)["certificate"] == ["open"]
    assert "the certificate of localhost is not good" in told["certificate"][0].what


def test_a_certificate_that_runs_out_is_named(look, made):
    with serving(made(3)) as port:
        told = look(port, made(3)[0])
    assert "runs out in 2 days" in told["certificate"][0].what


def test_an_old_protocol_is_named(look, made):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = ssl.TLSVersion.TLSv1
    with serving(made(90), oldest=old) as port:
        told = look(port, made(90)[0])
    assert verdicts(told)["protocols"] == ["open"]
    assert "localhost still speaks TLSv1" in told["protocols"][0].what


@pytest.mark.parametrize("header", ["", "max-age=60"])
def test_browsers_that_are_not_told_to_stay_are_named(look, made, header):
    with serving(made(90), header=header) as port:
        told = look(port, made(90)[0])
    assert verdicts(told)["strict"] == ["open"]
    assert "does not tell browsers to stay with HTTPS" in told["strict"][0].what
