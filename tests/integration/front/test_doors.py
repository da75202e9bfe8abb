"""What nginx lets in and what it says: protocols, headers, host names, sizes. Behind it an echo of what it passes on."""

import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from divebell.deploy.tls.authority import make_authority
from divebell.deploy.tls.keep import moment
from front import NAME, in_front, nginx
from live import until


class Echo(BaseHTTPRequestHandler):
    """Answer with the headers that came, and the size of the body."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        size = int(self.headers.get("Content-Length") or 0)
        while size > 0:
            size -= len(self.rfile.read(min(size, 65536)))
        body = json.dumps({"headers": self.headers.items(), "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Server", "TornadoServer/6")
        self.send_header("X-JupyterHub-Version", "6")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def behind():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def front(behind, tmp_path_factory):
    with in_front(tmp_path_factory.mktemp("nginx"), behind) as running:
        yield running


@pytest.fixture
def client(front):
    with front.client() as opened:
        yield opened


def passed_on(answer):
    """Give the headers that came through, in lower case; a name that came twice fails."""
    pairs = [(name.lower(), value) for name, value in answer.json()["headers"]]
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)


@pytest.mark.parametrize(
    ("protocol", "spoken"), [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)]
)
def test_only_current_protocols_are_spoken(front, protocol, spoken):
    said = front.said([protocol, "-cipher", "ALL:@SECLEVEL=0", "-CAfile", str(front.authority)])
    assert (said.returncode == 0) is spoken, said.stdout + said.stderr
    if spoken:
        assert "Verify return code: 0 (ok)" in said.stdout


@pytest.mark.parametrize(
    "cipher", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-SHA", "NULL", "aNULL"]
)
def test_ciphers_without_forward_secrecy_or_seal_are_refused(front, cipher):
    assert front.said(["-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0"]).returncode != 0


def test_sessions_are_not_kept_in_tickets(front):
    said = front.said(["-tls1_2"])
    assert "TLS session ticket:" not in said.stdout


def test_http_2_is_spoken(front):
    assert "ALPN protocol: h2" in front.said(["-alpn", "h2,http/1.1"]).stdout


def test_browsers_are_told_to_stay_with_https_and_little_else(client):
    answer = client.get("/")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert answer.headers["server"] == "nginx"
    assert "x-jupyterhub-version" not in answer.headers


def test_http_leads_to_https(front):
    answer = httpx.get(f"http://localhost:{front.http}/hub/login?next=x")
    assert answer.status_code == 301
    assert answer.headers["location"] == f"{front.url}/hub/login?next=x"


def test_what_a_visitor_says_of_itself_is_overwritten(client):
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Real-IP": "203.0.113.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Server": "evil",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=203.0.113.7",
        "X-Scheme": "http",
        "X-Original-URL": "/evil",
        "X-Rewrite-URL": "/evil",
        "X-Divebell-Proxy": "guess",
        "X_Forwarded_For": "203.0.113.7",
        "Proxy": "http://evil.example",
    }
    for path in ("/", "/user/ana/lab", "/hub/static/a.css", "/services/event/"):
        told = passed_on(client.get(path, headers=forged))
        assert "203.0.113.7" not in str(told)
        assert "evil" not in str(told)
        assert "x-divebell-proxy" not in told
        assert "x-scheme" not in told
        assert told["x-forwarded-for"] == told["x-real-ip"] == "127.0.0.1"
        assert told["x-forwarded-proto"] == "https"
        assert told["forwarded"].startswith("for=127.0.0.1;proto=https;")


def ask(front, head, *, secured=True):
    """Send a request as it stands; give everything that comes back until nginx closes."""
    plain = socket.create_connection(("127.0.0.1", front.https if secured else front.http), timeout=60)
    context = ssl.create_default_context(cafile=str(front.authority))
    with context.wrap_socket(plain, server_hostname=NAME) if secured else plain as connection:
        connection.sendall(head.encode())
        answer = b""
        try:
            while block := connection.recv(65536):
                answer += block
        except (ssl.SSLError, OSError):
            pass
        return answer.decode(errors="replace")


@pytest.mark.parametrize("secured", [True, False])
def test_another_host_name_is_not_answered(front, secured):
    assert (
        ask(front, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", secured=secured) == ""
    )
    assert ask(front, "GET / HTTP/1.0\r\n\r\n", secured=secured) == ""


@pytest.mark.parametrize("secured", [True, False])
def test_whoever_opens_the_bare_address_is_led_to_the_name(front, secured):
    answer = ask(front, "GET /x HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n", secured=secured)
    assert answer.startswith("HTTP/1.1 302")
    assert f"Location: {front.url}/x" in answer


def test_a_request_names_one_host(front):
    head = f"GET https://{NAME}/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert "evil.example" not in ask(front, head)


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
    ],
)
def test_a_request_that_two_servers_could_read_in_two_ways_is_refused_or_made_plain(front, head):
    body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = ask(front, f"POST / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n{head}\r\n{body}")
    assert "/smuggled" not in answer
    assert answer.count("HTTP/1.1 200") <= 1


def test_uploads_are_as_large_as_a_notebook_takes_and_no_larger_elsewhere(client):
    body = b"x" * 3_000_000
    assert client.put("/user/ana/api/contents/a", content=body).status_code == 200
    assert client.post("/hub/login", content=body).status_code == 413
    assert client.post("/services/event/hook", content=body).status_code == 200
    assert client.post("/services/event/hook", content=body * 2).status_code == 413
    assert (
        client.post("/services/event/api/shared?path=a.ipynb", content=bytes(10 * 1024**2)).status_code == 200
    )
    assert client.post("/services/event/api/shared", content=bytes(12 * 1024**2)).status_code == 413
    push = "/services/event/git/event.git/git-receive-pack"
    assert client.post(push, content=bytes(33 * 1024**2)).status_code == 200


def test_a_flood_of_deliveries_stays_outside(client):
    with ThreadPoolExecutor(12) as senders:  # faster than what may come on and on, 5 a second
        posts = [senders.submit(client.post, "/services/event/hook", content=b"{}") for _ in range(120)]
        assert {200, 429} == {post.result().status_code for post in posts}


def test_who_sends_a_request_too_slowly_is_let_go(front):
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", front.http), timeout=60) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert slow.recv(1000) == b""
    assert time.monotonic() - began > 10


def test_a_hundred_people_of_one_address_are_all_served(front):
    waiting = []
    for _ in range(300):
        connection = socket.create_connection(("127.0.0.1", front.http), timeout=60)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        waiting.append(connection)
    try:
        assert all(connection.recv(1000).startswith(b"HTTP/1.1 301") for connection in waiting)
    finally:
        for connection in waiting:
            connection.close()


def test_an_event_without_a_name_is_opened_by_its_address(behind, tmp_path):
    with in_front(
        tmp_path, behind, divebell_server_name="127.0.0.1", divebell_server_name_is_ip=True
    ) as front:
        address = f"https://127.0.0.1:{front.https}"
        with front.client() as client:
            told = passed_on(client.get(f"{address}/"))
        assert told["host"] == f"127.0.0.1:{front.https}"
        assert ask(front, "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n") == ""
        assert "200 OK" in ask(front, "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\nConnection: close\r\n\r\n")


def test_the_authoritys_certificate_is_handed_out_without_https(front):
    (front.folder / "pages" / "open" / "authority.crt").write_bytes(front.authority.read_bytes())
    answer = httpx.get(f"http://localhost:{front.http}/authority.crt")
    assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    assert answer.content == front.authority.read_bytes()


def test_a_new_certificate_is_taken_without_a_break(front, client):
    assert client.get("/").status_code == 200
    other = make_authority("Another", (NAME,), moment())
    text = (front.folder / "server.pem").read_bytes()
    (front.folder / "server.pem").write_bytes(other.sign((NAME,), moment()).pem())
    front.reload()
    try:
        until(lambda: "Another" in front.said([]).stdout, "nginx goes on with the old one")
    finally:
        (front.folder / "server.pem").write_bytes(text)
        front.reload()


def test_a_broken_configuration_does_not_replace_one_that_works(front, client):
    text = front.configuration.read_text()
    front.configuration.write_text(text + "nonsense;\n")
    try:
        tried = subprocess.run(
            [nginx(), "-t", "-q", "-c", front.configuration], capture_output=True, check=False
        )
        assert tried.returncode != 0
        front.process.send_signal(1)  # what a reload sends to the running nginx
        until(lambda: "nonsense" in (front.folder / "error.log").read_text(), "nginx did not try it")
        assert client.get("/").status_code == 200
    finally:
        front.configuration.write_text(text)
