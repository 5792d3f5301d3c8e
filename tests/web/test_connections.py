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
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from regraft.web import connections
from regraft.web.answers import Body, Failed
from regraft.web.client import Client
from regraft.web.guard import Guard
from regraft.web.racing import ATTEMPT_DELAY_S, first_connected
from tests.hostile import Script, Talk, ends_within, ok, reset, serving

pytestmark = pytest.mark.server

DEADLINE_S = 5.0


def signed_by_itself(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, path: Path) -> Path:
    """A file with a certificate for 127.0.0.1 that nobody else signed, and its key."""
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
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    return path


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return signed_by_itself(ec.generate_private_key(ec.SECP256R1()), tmp_path_factory.mktemp("tls") / "ec.pem")


@pytest.fixture(scope="session")
def rsa_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return signed_by_itself(rsa.generate_private_key(65537, 2048), tmp_path_factory.mktemp("tls") / "rsa.pem")


@pytest.fixture
def trusted(certificate: Path, rsa_certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The same certificate; this machine trusts it, and the RSA one."""
    both = certificate.with_name("both.pem")
    both.write_bytes(certificate.read_bytes() + rsa_certificate.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(both))
    connections._tls.cache_clear()
    yield certificate
    connections._tls.cache_clear()


def over_tls(certificate: Path, script: Script, old_ciphers: str = "") -> Script:
    """A script that begins after the handshake, with the first request; of TLS 1.2 where it names ciphers."""

    def secured(talk: Talk) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if old_ciphers:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(old_ciphers)
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


def says_old_hello(talk: Talk) -> None:
    """Say hello as a server of TLS 1.2 does that knows no extensions, and close."""
    talk.socket.recv(4096)
    talk.say(b"\x16\x03\x03\x00\x2a\x02\0\0\x26\x03\x03" + bytes(33) + b"\xc0\x2b\0")


def alert(level: int, description: int) -> Script:
    """Answer with an alert, and close: https://www.rfc-editor.org/rfc/rfc8446#section-6."""

    def script(talk: Talk) -> None:
        talk.socket.recv(4096)
        talk.say(bytes([21, 3, 3, 0, 2, level, description]))

    return script


HANGS_UP: dict[str, Script] = {
    "closes at once": lambda talk: talk.socket.close(),
    "resets at once": reset,
    "closes after the hello": reads_hello,
    "closes within its own hello": begins_hello,
    "closes after the hello of an old server": says_old_hello,
    "says that it closes": alert(1, 0),
    "does not know the name, and closes": alert(1, 112),
}


@pytest.mark.parametrize("name", HANGS_UP)
def test_a_connection_that_is_closed_in_the_handshake_may_pass(name: str) -> None:
    with serving(HANGS_UP[name], reads_request=False) as server:
        answer = Client(Guard([server.exemption])).get(https(server.url), DEADLINE_S)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.may_pass, answer.local) == ("unreachable", True, False)


@pytest.mark.parametrize(
    ("description", "may_pass"),
    [
        pytest.param(number, may_pass, id=name)
        for name, number, may_pass in (
            ("internal error", 80, True),
            ("user cancelled", 90, True),
            ("bad record", 20, True),
            ("decrypt error", 51, True),
            ("handshake failure", 40, False),
            ("protocol version", 70, False),
            ("access denied", 49, False),
            ("unknown name", 112, False),
            ("certificate required", 116, False),
        )
    ],
)
def test_a_server_may_have_trouble_that_passes_in_a_handshake(description: int, may_pass: bool) -> None:
    with serving(alert(2, description), reads_request=False) as server:
        answer = Client(Guard([server.exemption])).get(https(server.url), DEADLINE_S)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.may_pass) == ("tls", may_pass)


@pytest.mark.parametrize("ciphers", ["AES128-SHA:@SECLEVEL=0", "AES256-GCM-SHA384", "DHE-RSA-AES128-SHA:AES128-SHA"])
def test_old_servers_are_understood_as_browsers_do(ciphers: str, trusted: Path, rsa_certificate: Path) -> None:
    script = over_tls(rsa_certificate, lambda talk: talk.say(ok(b"old")), ciphers)
    with serving(script, reads_request=False) as server:
        answer = Client(Guard([server.exemption])).get(https(server.url), DEADLINE_S)
    assert isinstance(answer, Body), answer
    assert answer.data == b"old"


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


def test_a_handshake_takes_no_longer_than_a_connection_may() -> None:
    def says_nothing(talk: Talk) -> None:
        talk.socket.recv(4096)
        talk.wait(60)

    with serving(says_nothing, reads_request=False) as server:
        client = Client(Guard([server.exemption]), connect_s=0.2)
        answer = ends_within(DEADLINE_S / 2, lambda: client.get(https(server.url), DEADLINE_S))
    assert isinstance(answer, Failed)
    assert answer.reason == "timeout"


def test_after_the_handshake_an_answer_may_take_longer_than_a_connection(trusted: Path) -> None:
    def slow(talk: Talk) -> None:
        talk.wait(1.3)
        talk.say(ok(b"late"))

    with serving(over_tls(trusted, slow), reads_request=False) as server:
        answer = Client(Guard([server.exemption]), connect_s=1).get(https(server.url), DEADLINE_S)
    assert isinstance(answer, Body), answer
    assert answer.data == b"late"


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


def test_the_last_of_many_addresses_is_tried_as_well(silent_port: int) -> None:
    with serving(lambda talk: None) as server:
        addresses = [*[info(1)] * 7, info(silent_port), *[info(1)] * 6, info(server.port)]
        with first_connected(addresses, 5) as connected:
            assert connected.getpeername()[1] == server.port


def test_where_time_is_short_each_address_still_gets_its_share(silent_port: int) -> None:
    with serving(lambda talk: None) as server:
        addresses = [*[info(silent_port)] * 9, info(server.port)]
        with first_connected(addresses, 4 * ATTEMPT_DELAY_S) as connected:
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
