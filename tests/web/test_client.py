"""A fetch ends in time and within its cap, whatever the server does."""

import gzip
import socket
import threading
import tracemalloc

import pytest

from regraft.config import FetchSettings
from regraft.identity import Url
from regraft.web.answers import Body, Failed, NotModified, Redirect
from regraft.web.client import Client
from regraft.web.guard import Guard
from tests.hostile import Script, Talk, ends_within, ok, reset, serving

pytestmark = pytest.mark.server

DEADLINE_S, CAP = 0.6, 200_000
PATIENCE_S = 30.0
"""The deadline of a request that ends by itself, before it, however busy the machine is."""
WARM_UP_S = 0.05
HEAD = b"HTTP/1.1 200 OK\r\n"
GZIP_BOMB = gzip.compress(b"\0" * 10**7)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def drip(talk: Talk) -> None:
    talk.say(HEAD + b"Content-Length: 100000\r\n\r\n")
    talk.for_ever(b"x", 0.05)


def drip_headers(talk: Talk) -> None:
    talk.say(HEAD)
    talk.for_ever(b"X: y\r\n", 0.05)


def drip_status(talk: Talk) -> None:
    talk.for_ever(b"H", 0.05)


def drip_chunks(talk: Talk) -> None:
    talk.say(CHUNKED)
    talk.for_ever(b"1\r\nx\r\n", 0.05)


def drip_chunk_size(talk: Talk) -> None:
    talk.say(CHUNKED)
    talk.for_ever(b"0", 0.05)


def drip_trailers(talk: Talk) -> None:
    talk.say(CHUNKED + b"1\r\nx\r\n0\r\n")
    talk.for_ever(b"T: t\r\n", 0.05)


def stall(*pieces: bytes) -> Script:
    """Says some bytes, and then nothing more."""
    return endless(b"".join(pieces), b"")


def endless(beginning: bytes, piece: bytes) -> Script:
    """Says a beginning, and then the same piece for ever; nothing more where that is empty."""

    def script(talk: Talk) -> None:
        talk.say(beginning)
        if piece:
            talk.for_ever(piece)
        talk.wait(60)

    return script


SERVERS: dict[str, tuple[Script, str]] = {
    "says nothing": (lambda t: t.wait(60), "timeout"),
    "drips its status line": (drip_status, "timeout"),
    "drips its headers": (drip_headers, "timeout"),
    "drips its body": (drip, "timeout"),
    "drips chunks": (drip_chunks, "timeout"),
    "drips a chunk's size": (drip_chunk_size, "timeout"),
    "drips trailers": (drip_trailers, "timeout"),
    "stops within its headers": (stall(HEAD + b"X: "), "timeout"),
    "stops within its body": (stall(ok(b"x" * 9, length=99)), "timeout"),
    "sends 100 Continue for ever": (lambda t: t.for_ever(b"HTTP/1.1 100 Continue\r\n\r\n"), "unreachable"),
    "sends 100 Continue now and then": (lambda t: t.for_ever(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05), "timeout"),
    "sends headers for ever": (endless(HEAD, b"A: b\r\n" * 999), "unreachable"),
    "sends one endless header": (endless(HEAD + b"A: ", b"b" * 4096), "unreachable"),
    "sends an endless status line": (lambda t: t.for_ever(b"H" * 4096), "unreachable"),
    "sends an endless body": (endless(HEAD + b"\r\n", b"x" * 65536), "too_large"),
    "sends endless chunks": (endless(CHUNKED, b"1000\r\n" + b"x" * 4096 + b"\r\n"), "too_large"),
    "claims too much": (lambda t: t.say(ok(b"x", length=10**12)), "too_large"),
    "claims one chunk too large": (endless(CHUNKED + b"FFFFFFFF\r\n", b"x" * 65536), "too_large"),
    "closes at once": (lambda t: t.socket.close(), "unreachable"),
    "resets the connection": (reset, "unreachable"),
    "closes within its body": (lambda t: t.say(ok(b"x" * 9, length=99)), "truncated"),
    "closes within a chunk": (lambda t: t.say(CHUNKED + b"50\r\nxx"), "truncated"),
    "speaks no HTTP": (lambda t: t.say(b"SSH-2.0-OpenSSH_9\r\n\r\n"), "unreachable"),
    "sends a chunk size that is no number": (lambda t: t.say(CHUNKED + b"zz\r\nxx\r\n"), "truncated"),
    "sends a negative length": (lambda t: t.say(HEAD + b"Content-Length: -5\r\n\r\nxxxxx"), ""),
    "sends a gzip bomb": (lambda t: t.say(ok(GZIP_BOMB, "Content-Encoding: gzip")), "too_large"),
    "says gzip and sends none": (lambda t: t.say(ok(b"plain", "Content-Encoding: gzip")), ""),
    "redirects to a private address": (
        lambda t: t.say(b"HTTP/1.1 302 F\r\nLocation: http://10.0.0.1/\r\n\r\n"),
        "blocked",
    ),
    "redirects to a file": (lambda t: t.say(b"HTTP/1.1 302 F\r\nLocation: file:///etc/passwd\r\n\r\n"), "blocked"),
    "redirects for ever": (
        lambda t: t.say(b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n"),
        "too_many_redirects",
    ),
}
"""What servers do, and the reason that each must end with."""


@pytest.mark.parametrize("name", SERVERS)
def test_a_hostile_server_costs_no_more_than_the_deadline_and_the_cap(name: str) -> None:
    script, reason = SERVERS[name]
    deadline_s = DEADLINE_S if reason == "timeout" else PATIENCE_S
    with serving(script) as hostile:
        client = Client(Guard([hostile.exemption]), max_bytes=CAP)
        client.follow(hostile.url, WARM_UP_S)  # what is imported lazily is not the server's doing
        tracemalloc.start()
        _, outcome = ends_within(deadline_s + 0.1, lambda: client.follow(hostile.url, deadline_s))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2 * CAP + 1_000_000
    assert getattr(outcome, "reason", "") == reason


def test_a_stalled_tls_handshake_ends_in_time() -> None:
    with serving(lambda talk: talk.wait(60), reads_request=False) as hostile:
        client = Client(Guard([hostile.exemption]))
        url = hostile.url.replace("http:", "https:")
        outcome = ends_within(DEADLINE_S + 0.1, lambda: client.get(url, DEADLINE_S))
    assert isinstance(outcome, Failed)
    assert outcome.reason == "timeout"


def test_a_body_of_unknown_size_may_have_a_bound_of_its_own() -> None:
    def answer(talk: Talk) -> None:
        if talk.path == "/announced":
            talk.say(ok(b"x" * 5000))
        else:
            talk.say(b"HTTP/1.1 200 OK\r\n\r\n")
            talk.for_ever(b"x" * 500)

    with serving(answer) as hostile:
        client = Client(Guard([hostile.exemption]), max_bytes=100_000)
        endless = client.get(f"{hostile.url}endless", 30, max_unannounced=1000)
        announced = client.get(f"{hostile.url}announced", 30, max_unannounced=1000)
    assert isinstance(endless, Failed)
    assert (endless.reason, endless.bytes, endless.detail) == ("too_large", 1001, "more than 1,000 bytes")
    assert isinstance(announced, Body)


def test_a_redirects_body_is_never_read() -> None:
    def redirect(talk: Talk) -> None:
        talk.say(b"HTTP/1.1 302 Found\r\nLocation: http://example.org/\r\n\r\n")
        talk.for_ever(b"x" * 65536)

    with serving(redirect) as hostile:
        answer = Client(Guard([hostile.exemption])).get(hostile.url, 2)
        assert answer == Redirect(302, Url("http://example.org/"))
    assert max(hostile.sent, default=0) < 8_000_000  # what the kernel's buffers take, and no more


def test_a_connection_is_kept_and_a_dropped_one_is_opened_again() -> None:
    def twice(talk: Talk) -> None:
        talk.say(ok(b"one"))
        talk.socket.recv(4096)
        talk.say(ok(b"two"))  # and then it hangs up without a word

    with serving(twice) as hostile:
        client = Client(Guard([hostile.exemption]))
        answers = [client.get(hostile.url, 2) for _ in range(4)]
        assert hostile.connections == 2
    assert [answer.data for answer in answers if isinstance(answer, Body)] == [b"one", b"two", b"one", b"two"]


def test_validators_make_the_request_conditional() -> None:
    def request_lines(talk: Talk) -> None:
        is_conditional = b'if-none-match: "x"' in talk.head.lower()
        talk.say(b"HTTP/1.1 304 Not Modified\r\n\r\n" if is_conditional else ok(b"picture", 'ETag: "x"'))

    with serving(request_lines) as hostile:
        client = Client(Guard([hostile.exemption]))
        first = client.get(hostile.url, 2)
        assert isinstance(first, Body)
        assert client.get(hostile.url, 2, etag=first.etag) == NotModified()


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lambda talk: talk.say(ok(b"mine"))) as hostile, serving(lambda talk: talk.say(ok(b"proxy"))) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client = Client(Guard([hostile.exemption]))
        answer = client.get(hostile.url, 2)
        assert isinstance(answer, Body)
        assert answer.data == b"mine"
        client.get(hostile.url.replace("http:", "https:"), 2)  # another way through urllib3; hostile speaks no TLS
        assert proxy.request_lines == []


def test_a_name_that_does_not_resolve_is_unreachable_and_so_is_a_port_that_nobody_listens_on() -> None:
    def nowhere(*_: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    answer = Client(Guard(resolver=nowhere)).get("http://gone.example/", 2)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.local) == ("unreachable", False)
    answer = Client(Guard(["127.0.0.1:1"])).get("http://127.0.0.1:1/", 2)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.local) == ("unreachable", False)


def test_a_dead_proxy_is_this_machines_fault() -> None:
    answer = Client(proxy="http://127.0.0.1:1").get("http://example.org/", 2)
    assert isinstance(answer, Failed)
    assert answer.local


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_private_address_that_is_not_exempt_is_refused_and_not_reached(scheme: str) -> None:
    """Also where the URL's text does not give the address away: then the guard refuses where the socket connects."""

    def private(host: str, port: int, *_: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with serving(lambda talk: talk.say(ok(b"secret")), reads_request=False) as hostile:
        for host in ("127.0.0.1", "public.example"):
            answer = Client(Guard(resolver=private)).get(f"{scheme}://{host}:{hostile.port}/", 2)
            assert isinstance(answer, Failed)
            assert answer.reason == "blocked"
        assert hostile.connections == 0


def test_a_client_of_settings_keeps_to_them() -> None:
    with serving(lambda talk: talk.say(ok(b"x" * 2000))) as hostile:
        settings = FetchSettings(allow=(hostile.exemption,), max_bytes=1000, user_agent="somebody/1")
        _, answer = Client.of(settings).follow(hostile.url, 2)
        assert isinstance(answer, Failed)
        assert answer.reason == "too_large"
        allowed = settings.model_copy(update={"max_bytes": 2000})
        _, answer = Client.of(allowed).follow(hostile.url, 2)
        assert isinstance(answer, Body)
        assert b"user-agent: somebody/1" in hostile.heads[-1].lower()
    with serving(lambda talk: talk.say(ok(b"x"))) as proxy:
        _, answer = Client.of(FetchSettings(proxy=f"http://127.0.0.1:{proxy.port}")).follow("http://example.org/", 2)
        assert isinstance(answer, Body)
        assert proxy.request_lines == ["GET http://example.org/ HTTP/1.1"]


@pytest.mark.parametrize(
    ("status", "reason", "may_pass"),
    [
        (400, "gone", False),
        (401, "forbidden", False),
        (403, "forbidden", False),
        (404, "gone", False),
        (408, "timeout", True),
        (410, "gone", False),
        (429, "rate_limited", True),
        (451, "forbidden", False),
        (500, "server_error", True),
        (502, "unreachable", True),
        (503, "server_error", True),
        (204, "not_an_image", False),
    ],
)
def test_every_status_has_its_reason(status: int, reason: str, may_pass: bool) -> None:
    head = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n".encode()
    with serving(lambda talk: talk.say(head)) as hostile:
        answer = Client(Guard([hostile.exemption])).get(hostile.url, 2)
    assert isinstance(answer, Failed)
    assert (answer.reason, answer.may_pass, answer.status) == (reason, may_pass, status)


def test_many_threads_share_a_client() -> None:
    with serving(lambda talk: talk.say(ok(talk.path.encode()))) as hostile:
        client = Client(Guard([hostile.exemption]))
        wrong: list[object] = []

        def ask(number: int) -> None:
            answer = client.get(f"{hostile.url}{number}", 5)
            if not isinstance(answer, Body) or answer.data != f"/{number}".encode():
                wrong.append(answer)

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
