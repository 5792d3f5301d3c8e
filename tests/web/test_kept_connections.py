"""A connection is used again where its answer was read to its end, and what is left on one is no answer."""

import threading

import pytest

from regraft.web import bodies
from regraft.web.answers import Body, Failed, NotModified
from regraft.web.client import Client
from regraft.web.guard import Guard
from tests.hostile import Script, Talk, ends_within, ok, serving
from tests.web.answers import ALIVE, DEADLINE_S, JPEG, chunked, fails, outcome_of

pytestmark = pytest.mark.server

PAUSE_S = 0.05
"""In which an answer is read, and its connection kept, before more comes on it."""


def conversation(*answers: bytes) -> Script:
    """Says an answer after each request, on however many connections."""
    waiting = list(answers)

    def script(talk: Talk) -> None:
        while waiting:
            talk.say(waiting.pop(0))
            if not talk.socket.recv(4096):
                return

    return script


LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
FIRST: dict[str, bytes] = {
    "a second answer": ok(JPEG) + b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n",
    "a late 408": ok(JPEG) + LATE,
    "a late 400": ok(JPEG) + LATE.replace(b"408", b"400"),
    "more body than announced": ok(JPEG + b"more", length=11),
    "an empty line": ok(JPEG) + b"\r\n",
    "a 304 with a body": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n<html>...",
    "a 204 with a body": b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n<html>...",
    "a 404 with more body than announced": b"HTTP/1.1 404 Gone\r\nContent-Length: 2\r\n\r\n<html>...",
    "bytes after the last chunk": chunked() + b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n",
    "Connection: close": ok(JPEG, "Connection: Keep-Alive, Close"),
    "HTTP/1.0": ok(JPEG).replace(b"HTTP/1.1", b"HTTP/1.0"),
}
"""First answers after which the connection is not to be used again."""


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("comes_later", [False, True])
def test_what_is_left_on_a_connection_is_no_answer_to_the_next_request(name: str, comes_later: bool) -> None:
    """Whether it comes in the same packet as the answer or a little later."""
    data = FIRST[name]
    end = data.find(b"\r\n\r\n") + 4 + (11 if b"11\r\n\r\n" in data else 0)
    connections, is_said = list[Talk](), threading.Event()

    def script(talk: Talk) -> None:
        connections.append(talk)
        if len(connections) > 1:
            talk.say(ok(b"right"))
            return
        try:
            talk.say(data[:end] if comes_later else data)
            if comes_later:
                talk.wait(PAUSE_S)
                talk.say(data[end:])
        finally:
            is_said.set()
        if talk.socket.recv(4096):
            talk.say(ok(b"wrong"))

    with serving(script) as server:
        client = Client(Guard([server.exemption]))
        client.get(server.url, DEADLINE_S)
        assert is_said.wait(30)
        answer = client.get(server.url, DEADLINE_S)
        assert isinstance(answer, Body)
        assert answer.data == b"right"


@pytest.mark.parametrize(
    "late", [LATE, LATE.replace(b"408", b"400"), b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-"]
)
def test_a_kept_connection_that_fails_is_replaced_by_a_new_one(late: bytes) -> None:
    """A server may give it up in the moment in which the next request is on its way."""
    connections: list[Talk] = []

    def script(talk: Talk) -> None:
        connections.append(talk)
        talk.say(ok(b"first" if len(connections) == 1 else b"right"))
        if talk.socket.recv(4096):
            talk.say(late)

    with serving(script) as server:
        client = Client(Guard([server.exemption]))
        answers = [client.get(server.url, DEADLINE_S) for _ in range(2)]
    assert [answer.data for answer in answers if isinstance(answer, Body)] == [b"first", b"right"]
    assert len(connections) == 2


@pytest.mark.parametrize(
    "first",
    [
        ok(JPEG),
        chunked(),
        b"HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\ngone",
        b"HTTP/1.1 404 Gone\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngone\r\n0\r\n\r\n",
        b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_a_connection_whose_answer_was_read_to_its_end_is_used_again(first: bytes) -> None:
    with serving(conversation(first, ok(b"second"))) as server:
        client = Client(Guard([server.exemption]))
        client.get(server.url, DEADLINE_S)
        answer = client.get(server.url, DEADLINE_S)
        assert server.connections == 1
    assert isinstance(answer, Body)
    assert answer.data == b"second"


def test_nobody_waits_long_for_an_error_page_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SKIP_S", 0.1)

    def script(talk: Talk) -> None:
        talk.say(b"HTTP/1.1 404 Gone\r\nContent-Length: 9\r\n\r\n")
        talk.wait(60)

    with serving(script) as server:
        client = Client(Guard([server.exemption]))
        assert ends_within(DEADLINE_S / 2, lambda: outcome_of(client, server.url)) == fails("gone", 404)


def test_after_an_error_page_a_kept_connection_waits_for_its_answer_as_long_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "SKIP_S", 0.1)

    def script(talk: Talk) -> None:
        talk.say(b"HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\ngone")
        if talk.socket.recv(4096):
            talk.wait(0.3)
            talk.say(ok(JPEG))

    with serving(script) as server:
        client = Client(Guard([server.exemption]))
        answers = [outcome_of(client, server.url) for _ in range(2)]
        assert server.connections == 1
    assert answers == [fails("gone", 404), ALIVE]


def test_a_304_answers_a_conditional_request_and_no_other() -> None:
    with serving(conversation(*[b"HTTP/1.1 304 Not Modified\r\n\r\n"] * 4)) as server:
        client = Client(Guard([server.exemption]))
        assert client.get(server.url, DEADLINE_S, etag='"x"') == NotModified()
        assert client.get(server.url, DEADLINE_S, last_modified="Mon, 01 Jan 2024 00:00:00 GMT") == NotModified()
        assert outcome_of(client, server.url) == fails("not_an_image", 304)
        unasked = client.get(server.url, DEADLINE_S, etag="a\nb")
        assert isinstance(unasked, Failed), "a validator that no header may hold is not sent"
