"""Connections: TLS, proxies and several addresses, and who is to blame where there is none."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from regraft.web import connections
from regraft.web.answers import Body, Failed
from regraft.web.client import Client
from regraft.web.guard import Guard
from regraft.web.racing import ATTEMPT_DELAY_S, first_connected
from tests.hostile import Script, Talk, ok, reset, serving

pytestmark = pytest.mark.server

DEADLINE_S = 5.0


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1 that nobody signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "regraft tests")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(addresses, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same certificate, and this machine trusts it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    connections._tls.cache_clear()
    yield certificate
    connections._tls.cache_clear()


def over_tls(certificate: Path, script: Script) -> Script:
    """A script that begins after the handshake, with the first request."""

    def secured(talk: Talk) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        talk.socket = context.wrap_socket(talk.socket, server_side=True)
        if talk.socket.recv(4096):
            script(talk)

    return secured


def https(url: str) -> str:
    return url.replace("http:", "https:")


def reads_hello(talk: Talk) -> None:
    talk.socket.recv(4096)


def begins_hello(talk: Talk) -> None:
    talk.socket.recv(4096)
    talk.say(b"\x16\x03\x03\x00\x7a\x02\0")


HANGS_UP: dict[str, Script] = {
    "closes at once": lambda talk: talk.socket.close(),
    "resets at once": reset,
    "closes after the hello": reads_hello,
    "closes within its own hello": begins_hello,
}


@pytest.mark.parametrize("name", HANGS_UP)
def test_a_connection_that_is_closed_in_the_handshake_may_pass(name: str) -> None:
    with serving(HANGS_UP[name], reads_request=False) as server:
        answer = Client(Guard([server.exemption])).get(https(server.url), DEADLINE_S)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.may_pass, answer.local) == ("unreachable", True, False)


def test_a_certificate_that_nobody_signed_is_final(certificate: Path) -> None:
    script = over_tls(certificate, lambda talk: talk.say(ok(b"secret")))
    with serving(script, reads_request=False) as server:
        answer = Client(Guard([server.exemption])).get(https(server.url), DEADLINE_S)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.may_pass) == ("tls", False)


def test_plain_http_on_an_https_port_is_final() -> None:
    with serving(lambda talk: talk.say(ok(b"plain")), reads_request=False) as server:
        answer = Client(Guard([server.exemption])).get(https(server.url), DEADLINE_S)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.may_pass) == ("tls", False)


def test_https_is_read_and_kept_like_http(trusted: Path) -> None:
    big = b"x" * 300_000

    def twice(talk: Talk) -> None:
        talk.say(ok(big))
        talk.socket.recv(4096)
        talk.say(b"HTTP/1.1 200 OK\r\n\r\nto the end")

    with serving(over_tls(trusted, twice), reads_request=False) as server:
        client = Client(Guard([server.exemption]))
        answers = [client.get(https(server.url), DEADLINE_S) for _ in range(2)]
        assert [answer.data for answer in answers if isinstance(answer, Body)] == [big, b"to the end"]
        assert server.connections == 1


def test_a_deadline_ends_a_body_over_tls(trusted: Path) -> None:
    def drip(talk: Talk) -> None:
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        talk.for_ever(b"x", 0.02)

    with serving(over_tls(trusted, drip), reads_request=False) as server:
        answer = Client(Guard([server.exemption])).get(https(server.url), 0.5)
    assert isinstance(answer, Failed)
    assert answer.reason == "timeout"


def test_https_goes_through_a_proxys_tunnel(trusted: Path) -> None:
    inner = over_tls(trusted, lambda talk: talk.say(ok(b"secret")))

    def tunnel(talk: Talk) -> None:
        talk.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
        inner(talk)

    with serving(tunnel) as proxy:
        client = Client(Guard(["127.0.0.1:4430"]), proxy=f"http://127.0.0.1:{proxy.port}")
        answer = client.get("https://127.0.0.1:4430/x", DEADLINE_S)
        assert proxy.request_lines == ["CONNECT 127.0.0.1:4430 HTTP/1.1"]
    assert isinstance(answer, Body)
    assert answer.data == b"secret"


@pytest.mark.parametrize("pause_s", [0, 0.05])
def test_a_server_behind_a_tunnel_that_speaks_no_tls_is_final(pause_s: float) -> None:
    def tunnel(talk: Talk) -> None:
        connected, plain = b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"
        talk.say(connected if pause_s else connected + plain)
        talk.wait(pause_s)
        talk.say(plain if pause_s else b"")

    with serving(tunnel) as proxy:
        answer = Client(proxy=f"http://127.0.0.1:{proxy.port}").get("https://example.org/", DEADLINE_S)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.may_pass) == ("tls", False)


def test_a_tunnel_that_the_proxy_refuses_is_the_servers_fault_and_not_this_machines() -> None:
    with serving(lambda talk: talk.say(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")) as proxy:
        client = Client(proxy=f"http://127.0.0.1:{proxy.port}")
        answer = client.get("https://example.org/", DEADLINE_S)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.local) == ("unreachable", False)


# Several addresses


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port on which no connection is ever made: its queue is full, so that packets are dropped."""
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = int(full.getsockname()[1])
        for _ in range(4):
            filler = sockets.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


def info(port: int, address: str = "127.0.0.1", family: int = socket.AF_INET) -> tuple[object, ...]:
    return (family, socket.SOCK_STREAM, 6, "", (address, port))


def test_an_address_that_drops_packets_leaves_time_for_the_next(silent_port: int) -> None:
    with serving(lambda talk: None) as server:
        addresses = [info(silent_port), info(silent_port), info(server.port)]
        with first_connected(addresses, 3 * ATTEMPT_DELAY_S) as connected:
            assert connected.getpeername()[1] == server.port
            assert connected.gettimeout() is None


def test_an_address_that_refuses_costs_the_next_one_nothing() -> None:
    with serving(lambda talk: None) as server, first_connected([info(1), info(server.port)], 5) as connected:
        assert connected.getpeername()[1] == server.port


def test_families_take_turns_so_that_each_is_tried() -> None:
    dead = [info(1, f"2001:db8::{number}", socket.AF_INET6) for number in range(8)]
    with serving(lambda talk: None) as server, first_connected([*dead, info(server.port)], 5) as connected:
        assert connected.getpeername()[1] == server.port


def test_where_no_address_answers_the_server_is_blamed_if_any_is_to_blame(silent_port: int) -> None:
    with pytest.raises(TimeoutError):
        first_connected([info(silent_port), info(silent_port)], 2 * ATTEMPT_DELAY_S)
    with pytest.raises(ConnectionRefusedError):
        first_connected([info(1), info(1, "2001:db8::1", socket.AF_INET6)], 5)


def test_a_name_with_two_addresses_is_reached_by_the_one_that_answers(silent_port: int) -> None:
    with serving(lambda talk: talk.say(ok(b"there"))) as server:

        def resolve(host: str, port: int, *_: object) -> list[tuple[object, ...]]:
            return [info(silent_port), info(server.port)]

        client = Client(Guard([f"127.0.0.1:{server.port}"], resolver=resolve))
        answer = client.get(f"http://twice.example:{server.port}/", DEADLINE_S)
    assert isinstance(answer, Body)
    assert answer.data == b"there"
