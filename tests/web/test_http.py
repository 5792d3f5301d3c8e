"""What a server's exact bytes mean: its status, its fields, and where its answer ends.

The expectations are those of RFC 9110 and RFC 9112 and, where servers keep to neither, those of browsers:
https://github.com/web-platform-tests/wpt/tree/master/fetch.
"""

import gzip
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from regraft.web.answers import Body, Failed, refusal
from regraft.web.client import Client
from regraft.web.framing import Chunked, Framing, UntilClose
from regraft.web.guard import Guard
from regraft.web.streams import Stream
from tests.hostile import Talk, ok, reset, serving
from tests.web.answers import (
    ALIVE,
    BROKEN,
    CUT,
    DEADLINE_S,
    HEAD,
    JPEG,
    LENGTH,
    Outcome,
    chunked,
    fails,
    outcome_of,
    with_length,
)

pytestmark = pytest.mark.server

STAYS_OPEN: dict[str, tuple[bytes, Outcome]] = {
    # status lines
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 11\r\n\r\n" + JPEG, ALIVE),
    "no reason phrase": (b"HTTP/1.1 200\r\nContent-Length: 11\r\n\r\n" + JPEG, ALIVE),
    "lower case": (b"http/1.1 200 ok\r\ncontent-length: 11\r\n\r\n" + JPEG, ALIVE),
    "empty lines before the status": (b"\r\n\r\n" + ok(JPEG), ALIVE),
    "line feeds alone": (b"HTTP/1.1 200 OK\nContent-Length: 11\n\n" + JPEG, ALIVE),
    "line ends mixed": (b"HTTP/1.1 200 OK\r\nContent-Length: 11\n\r\n" + JPEG, ALIVE),
    "a carriage return too many": (b"HTTP/1.1 200 OK\r\r\nContent-Length: 11\r\r\n\r\n" + JPEG, ALIVE),
    **{
        f"a status and {rest!r}": (b"HTTP/1.1 200" + rest + b"\r\n" + LENGTH + b"\r\n\r\n" + JPEG, ALIVE)
        for rest in (b"OK", b", OK", b".0 OK", b"\0OK", b";", b"\x0b", "\u00e4".encode())
    },
    "404 and a letter": (b"HTTP/1.1 404Gone\r\nContent-Length: 0\r\n\r\n", fails("gone", 404)),
    "a status of no digits": (b"HTTP/1.1 OK\r\n\r\n", BROKEN),
    "a status of four digits": (b"HTTP/1.1 2000 OK\r\n\r\n", BROKEN),
    "a status of superscripts": ("HTTP/1.1 ²00 OK\r\n\r\n".encode("latin-1"), BROKEN),
    "a status that is none": (b"HTTP/1.1 099 Hm\r\nContent-Length: 0\r\n\r\n", fails("server_error", 99)),
    "a status above all": (b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", fails("server_error", 999)),
    # statuses
    "203": (b"HTTP/1.1 203 Non-Authoritative\r\nContent-Length: 11\r\n\r\n" + JPEG, Outcome("", 203)),
    "201": (b"HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n" + JPEG, Outcome("", 201)),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", fails("not_an_image", 204)),
    "204 with a length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", fails("not_an_image", 204)),
    "205": (b"HTTP/1.1 205 Reset Content\r\n\r\n", fails("not_an_image", 205)),
    "304 that nobody asked for": (b"HTTP/1.1 304 Not Modified\r\n\r\n", fails("not_an_image", 304)),
    "304 with a length": (b"HTTP/1.1 304 N\r\nContent-Length: 99\r\n\r\n", fails("not_an_image", 304)),
    "a redirect to nowhere": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", fails("not_an_image", 302)),
    "206 of all": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-10/11\r\nContent-Length: 11\r\n\r\n" + JPEG,
        Outcome("", 206),
    ),
    "206 of who knows how much": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-10/*\r\nContent-Length: 11\r\n\r\n" + JPEG,
        Outcome("", 206),
    ),
    "206 that does not say of what": (b"HTTP/1.1 206 P\r\nContent-Length: 11\r\n\r\n" + JPEG, Outcome("", 206)),
    "206 of the beginning": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-10/99\r\nContent-Length: 11\r\n\r\n" + JPEG,
        fails("truncated", 206),
    ),
    "206 of the end": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 88-98/99\r\nContent-Length: 11\r\n\r\n" + JPEG,
        fails("truncated", 206),
    ),
    "206 of the end of who knows how much": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 5-15/*\r\nContent-Length: 11\r\n\r\n" + JPEG,
        fails("truncated", 206),
    ),
    "206 of the beginning, written oddly": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes=0-10/99\r\nContent-Length: 11\r\n\r\n" + JPEG,
        fails("truncated", 206),
    ),
    "206 of the beginning, without a unit": (
        b"HTTP/1.1 206 P\r\nContent-Range: 0-10/99\r\nContent-Length: 11\r\n\r\n" + JPEG,
        fails("truncated", 206),
    ),
    "206 of a part of 5,000 digits": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 0-" + b"9" * 5000 + b"/11\r\nContent-Length: 11\r\n\r\n" + JPEG,
        fails("truncated", 206),
    ),
    "206 of all, with zeros before each number": (
        b"HTTP/1.1 206 P\r\nContent-Range: bytes 00-0010/0011\r\nContent-Length: 11\r\n\r\n" + JPEG,
        Outcome("", 206),
    ),
    "206 of several parts": (
        b"HTTP/1.1 206 P\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 11\r\n\r\n" + JPEG,
        fails("truncated", 206),
    ),
    # interim answers
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + ok(JPEG), ALIVE),
    "102 first": (b"HTTP/1.1 102 Processing\r\n\r\n" + ok(JPEG), ALIVE),
    "103 first": (b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + ok(JPEG), ALIVE),
    "several first": (b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nA: b\r\n\r\nHTTP/1.1 199 M\r\n\r\n" + ok(JPEG), ALIVE),
    "103 before a 404": (
        b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n",
        fails("gone", 404),
    ),
    "a hundred first": (b"HTTP/1.1 103 E\r\n\r\n" * 99 + ok(JPEG), ALIVE),
    "no end of what comes first": (b"HTTP/1.1 103 E\r\n\r\n" * 1000 + ok(JPEG), BROKEN),
    "101": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + ok(JPEG), fails("not_an_image", 101)),
    # fields
    "a line without a colon": (with_length(b"no colon here", LENGTH), ALIVE),
    "a line without a colon at the end": (with_length(LENGTH, b"garbage"), ALIVE),
    "a line without a name": (with_length(b": value", LENGTH), ALIVE),
    "a blank before the colon": (with_length(b"Content-Length : 11"), ALIVE),
    "no blank after the colon": (with_length(b"Content-Length:11"), ALIVE),
    "tabs around the value": (with_length(b"Content-Length:\t11\t"), ALIVE),
    "a folded line": (with_length(b"X-Folded: a", b"  b", b"\tc", LENGTH), ALIVE),
    "a folded length": (with_length(b"Content-Length:", b" 11"), ALIVE),
    "a folded line at first": (with_length(b" X: y", LENGTH), ALIVE),
    "bytes above ASCII": (with_length("X-Näme: ü".encode("latin-1"), "X: ü€".encode(), LENGTH), ALIVE),
    "a NUL": (with_length(b"X: a\0b", LENGTH), ALIVE),
    "300 fields": (with_length(*(b"X-%d: y" % number for number in range(300)), LENGTH), ALIVE),
    "a link of 250 kB that never ends": (with_length(b"Link: " + b"<" * 250_000, LENGTH), ALIVE),
    "a line of 250 kB, folded": (with_length(b"X: a", *[b" b"] * 60_000, LENGTH), ALIVE),
    "a field of 100 kB": (with_length(b"X: " + b"y" * 100_000, LENGTH), ALIVE),
    "a head of 300 kB": (with_length(*(b"X: " + b"y" * 1000 for _ in range(300)), LENGTH), BROKEN),
    # lengths: https://github.com/web-platform-tests/wpt/blob/master/fetch/content-length/resources/content-lengths.json
    "one length twice": (with_length(LENGTH, LENGTH), ALIVE),
    "one length twice in a line": (with_length(b"Content-Length: 11, 11"), ALIVE),
    "one length four times": (with_length(b"Content-Length: 11,11", b"Content-Length: 11 ,\t11"), ALIVE),
    "leading zeros": (with_length(b"Content-Length: 0011"), ALIVE),
    "more zeros than a number of Python's may have": (with_length(b"Content-Length: " + b"0" * 5000 + b"11"), ALIVE),
    "a length of 5,000 digits": (with_length(b"Content-Length: " + b"9" * 5000), fails("too_large", 200)),
    "two lengths": (with_length(b"Content-Length: 11", b"Content-Length: 12"), BROKEN),
    "two lengths in a line": (with_length(b"Content-Length: 11, 5"), BROKEN),
    "a length and nothing": (with_length(b"Content-Length: 11,"), BROKEN),
    "a length twice, not to the letter": (with_length(b"Content-Length: 011, 11"), BROKEN),
    "bytes after the body": (ok(JPEG) + b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n", ALIVE),
    "nothing": (ok(b""), Outcome("", 200, b"")),
    # chunks
    "chunked": (chunked(), ALIVE),
    "chunked and a blank": (chunked(b"Transfer-Encoding: chunked "), ALIVE),
    "CHUNKED": (chunked(b"TRANSFER-ENCODING:CHUNKED"), ALIVE),
    "identity, chunked": (chunked(b"Transfer-Encoding: identity, chunked"), ALIVE),
    "chunked twice": (chunked(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), ALIVE),
    "chunked, chunked": (chunked(b"Transfer-Encoding: chunked, chunked"), ALIVE),
    "chunked with a parameter": (chunked(b"Transfer-Encoding: chunked;q=1"), ALIVE),
    "chunked and a length": (chunked(b"Transfer-Encoding: chunked", b"Content-Length: 3"), ALIVE),
    "chunked and two lengths": (chunked(b"Content-Length: 3, 4", b"Transfer-Encoding: chunked"), ALIVE),
    "chunked in HTTP/1.0": (chunked().replace(b"HTTP/1.1", b"HTTP/1.0"), ALIVE),
    "identity and a length": (with_length(b"Transfer-Encoding: identity", LENGTH), ALIVE),
    "an empty coding and a length": (with_length(b"Transfer-Encoding:", LENGTH), ALIVE),
    "gzip, chunked": (
        chunked(
            b"Transfer-Encoding: gzip, chunked",
            body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(gzip.compress(JPEG)), gzip.compress(JPEG)),
        ),
        ALIVE,
    ),
    "chunk extensions": (chunked(body=b'b;a=b;c="d" \r\n' + JPEG + b"\r\n0;last\r\n\r\n"), ALIVE),
    "chunk sizes with zeros and blanks": (chunked(body=b"000b  \r\n" + JPEG + b"\r\n000\r\n\r\n"), ALIVE),
    "chunk sizes in capitals": (chunked(body=b"B\r\n" + JPEG + b"\r\n0\r\n\r\n"), ALIVE),
    "chunks with line feeds alone": (chunked(body=b"b\n" + JPEG + b"\n0\n\n"), ALIVE),
    "trailers": (chunked(body=b"b\r\n" + JPEG + b"\r\n0\r\nETag: x\r\nA: b\r\n\r\n"), ALIVE),
    "many chunks": (chunked(body=b"".join(b"1\r\n%c\r\n" % byte for byte in JPEG) + b"0\r\n\r\n"), ALIVE),
    "no chunk": (chunked(body=b"0\r\n\r\n"), Outcome("", 200, b"")),
    "a chunk size with a sign": (chunked(body=b"+b\r\n" + JPEG + b"\r\n0\r\n\r\n"), CUT),
    "a negative chunk size": (chunked(body=b"-b\r\n" + JPEG + b"\r\n0\r\n\r\n"), CUT),
    "a chunk size in C": (chunked(body=b"0xb\r\n" + JPEG + b"\r\n0\r\n\r\n"), CUT),
    "a chunk size in Python": (chunked(body=b"0_b\r\n" + JPEG + b"\r\n0\r\n\r\n"), CUT),
    "a chunk longer than it says": (chunked(body=b"4\r\n" + JPEG + b"\r\n0\r\n\r\n"), CUT),
    "no chunks at all": (chunked(body=JPEG + b"\r\n"), CUT),
    # error pages
    "404": (b"HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\ngone", fails("gone", 404)),
    "404 in chunks": (
        b"HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngone\r\n0\r\n\r\n",
        fails("gone", 404),
    ),
    "404 in broken chunks": (b"HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", fails("gone", 404)),
    "404 with two lengths": (b"HTTP/1.1 404 Gone\r\nContent-Length: 1, 2\r\n\r\nx", fails("gone", 404)),
    "404 that stops": (b"HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\ngo", fails("gone", 404)),
    "503 that stops": (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n", fails("server_error", 503)),
}
"""What a server says that then waits: whoever does not see where the answer ends waits with it."""

CLOSES: dict[str, tuple[bytes, Outcome]] = {
    "neither length nor chunks": (HEAD + b"\r\n" + JPEG, ALIVE),
    "a length in superscripts": (with_length("Content-Length: ¹¹".encode("latin-1")), ALIVE),
    "a length that is no number": (with_length(b"Content-Length: eleven"), ALIVE),
    "a length with a sign": (with_length(b"Content-Length: +5"), ALIVE),
    "zeros and a letter": (with_length(b"Content-Length: " + b"0" * 200_000 + b"x"), ALIVE),
    "a negative length": (with_length(b"Content-Length: -1"), ALIVE),
    "a length in hexadecimal": (with_length(b"Content-Length: 0x5"), ALIVE),
    "a length with a unit": (with_length(b"Content-Length: 5s"), ALIVE),
    "an empty length": (with_length(b"Content-Length:"), ALIVE),
    "a transfer coding that is no chunks": (with_length(b"Transfer-Encoding: gzip", body=gzip.compress(JPEG)), ALIVE),
    "the last chunk without its empty line": (chunked(body=b"b\r\n" + JPEG + b"\r\n0\r\n"), ALIVE),
    "the last chunk without its line end": (chunked(body=b"b\r\n" + JPEG + b"\r\n0"), ALIVE),
    "the last chunk cut within its line end": (chunked(body=b"b\r\n" + JPEG + b"\r\n0\r"), ALIVE),
    "the last chunk cut": (chunked(body=b"b\r\n" + JPEG + b"\r\n"), CUT),
    "a chunk cut": (chunked(body=b"b\r\n" + JPEG[:5]), CUT),
    "a body cut": (with_length(LENGTH, body=JPEG[:5]), CUT),
    "no body of a length": (with_length(LENGTH, body=b""), CUT),
    "a head cut": (b"HTTP/1.1 200 OK\r\nContent-Le", BROKEN),
    "nothing at all": (b"", BROKEN),
    "no HTTP": (JPEG, BROKEN),
    "another protocol": (b"220 ftp ready\r\n\r\n", BROKEN),
    "404 cut": (b"HTTP/1.1 404 Gone\r\nContent-Length: 100\r\n\r\ngone", fails("gone", 404)),
    "404 cut in a chunk": (b"HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\n64\r\ngone", fails("gone", 404)),
    "404 without an end": (b"HTTP/1.1 404 Gone\r\n\r\ngone", fails("gone", 404)),
    "404 with its head cut": (b"HTTP/1.1 404 Gone\r\nContent-Le", fails("gone", 404)),
    "403 cut": (b"HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\n", fails("forbidden", 403)),
    "500 cut": (b"HTTP/1.1 500 Oh\r\nContent-Length: 9\r\n\r\n", fails("server_error", 500)),
    "429 cut": (b"HTTP/1.1 429 Slow\r\nContent-Length: 9\r\n\r\n", fails("rate_limited", 429)),
    "302 cut": (b"HTTP/1.1 302 F\r\nContent-Length: 9\r\n\r\n", fails("not_an_image", 302)),
}
"""What a server says that then closes the connection."""


@pytest.mark.parametrize("name", STAYS_OPEN)
def test_an_answer_ends_where_its_head_says(name: str) -> None:
    data, expected = STAYS_OPEN[name]

    def script(talk: Talk) -> None:
        talk.say(data)
        talk.wait(2 * DEADLINE_S)

    with serving(script) as server:
        assert outcome_of(Client(Guard([server.exemption])), server.url) == expected


@pytest.mark.parametrize("name", CLOSES)
def test_an_answer_may_end_with_its_connection(name: str) -> None:
    data, expected = CLOSES[name]
    with serving(lambda talk: talk.say(data)) as server:
        assert outcome_of(Client(Guard([server.exemption])), server.url) == expected


@pytest.mark.parametrize("lines", [[LENGTH], [b"Transfer-Encoding: chunked"], []])
def test_a_connection_that_is_reset_within_a_body_cuts_it_off(lines: list[bytes]) -> None:
    def script(talk: Talk) -> None:
        talk.say(with_length(*lines, body=b"b\r\n\xff"))
        talk.wait(0.05)
        reset(talk)

    with serving(script) as server:
        assert outcome_of(Client(Guard([server.exemption])), server.url) == CUT


@pytest.mark.parametrize("size", [1, 2, 7])
@pytest.mark.parametrize("name", ["chunked", "several first", "a folded line", "trailers", "gzip, chunked"])
def test_an_answer_may_come_in_small_pieces(name: str, size: int) -> None:
    data, expected = STAYS_OPEN[name]

    def script(talk: Talk) -> None:
        for start in range(0, len(data), size):
            talk.say(data[start : start + size])
        talk.wait(2 * DEADLINE_S)

    with serving(script) as server:
        assert outcome_of(Client(Guard([server.exemption])), server.url) == expected


class Pieces:
    """A socket that has some bytes, and never more than a few at once."""

    def __init__(self, data: bytes, size: int):
        self._data, self._size, self._place = data, size, 0

    def recv(self, wanted: int, flags: int = 0) -> bytes:
        piece = self._data[self._place : self._place + min(self._size, wanted)]
        self._place += len(piece)
        return piece


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r\r\n", b"\r" * 40 + b"\n"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_the_end_of_a_head_may_come_in_small_pieces(line_end: bytes, size: int) -> None:
    data = line_end.join([b"HTTP/1.1 200 OK", LENGTH, b"", JPEG])
    stream = Stream(Pieces(data, size))  # type: ignore[arg-type]
    assert stream.head().get("content-length") == "11"
    assert stream.read(11) == JPEG


def test_hardly_any_of_a_body_is_read_with_its_head() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    stream = Stream(Pieces(head + bytes(100_000), size=1 << 20))  # type: ignore[arg-type]
    tracemalloc.start()
    stream.head()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stream.read(100_000) == bytes(100_000)
    assert peak < 20_000  # what came with the head would be copied twice


@pytest.mark.parametrize(
    ("framing", "data", "size"),
    [(Chunked(), b"2\r\nab\r\n" * 50_000 + b"0\r\n\r\n", 1 << 16), (UntilClose(), b"ab" * 50_000, 2)],
    ids=["chunks", "packets"],
)
def test_a_body_in_tiny_pieces_takes_no_more_memory_than_another(framing: Framing, data: bytes, size: int) -> None:
    stream = Stream(Pieces(data, size))  # type: ignore[arg-type]
    tracemalloc.start()
    body = framing.read(stream, 100_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert body == b"ab" * 50_000
    assert peak < 500_000  # each piece an object of its own, they take 4 MB


@pytest.mark.parametrize(
    ("field", "etag"),
    [("a", "a"), ('W/"a"', 'W/"a"'), ("*", ""), (f'"{"a" * 600}"', "")],
    ids=["bare", "weak", "any", "endless"],
)
def test_an_etag_that_would_not_mean_the_same_when_it_is_sent_back_is_none(field: str, etag: str) -> None:
    with serving(lambda talk: talk.say(ok(JPEG, f"ETag: {field}"))) as server:
        answer = Client(Guard([server.exemption])).get(server.url, DEADLINE_S)
    assert isinstance(answer, Body)
    assert answer.etag == etag


def test_every_line_of_a_robots_tag_counts() -> None:
    with serving(lambda talk: talk.say(ok(JPEG, "X-Robots-Tag: all", "X-Robots-Tag: NoAI"))) as server:
        answer = Client(Guard([server.exemption])).get(server.url, DEADLINE_S)
    assert isinstance(answer, Body)
    assert answer.robots == "all, noai"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (" 7 ", 7.0), ("1.5", 1.5), ("²", None), ("-1", None), ("soon", None), ("", None)],
)
def test_a_retry_after_is_a_number_of_seconds_or_nothing(value: str, seconds: float | None) -> None:
    head = f"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: {value}\r\n\r\n".encode("latin-1")
    with serving(lambda talk: talk.say(head)) as server:
        answer = Client(Guard([server.exemption])).get(server.url, DEADLINE_S)
    assert isinstance(answer, Failed)
    assert answer.retry_after_s == seconds


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process's clock is one of New York."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"])
def test_a_retry_after_in_any_form_of_http_is_in_utc(in_new_york: None, form: str) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    seconds = refusal(503, tomorrow.strftime(form)).retry_after_s
    assert seconds is not None
    assert timedelta(hours=23) < timedelta(seconds=seconds) < timedelta(hours=25)
