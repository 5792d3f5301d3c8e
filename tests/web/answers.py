"""Answers of servers, to the byte, and what they come to."""

from dataclasses import dataclass

from regraft.web.answers import Body, Failed
from regraft.web.client import Client

JPEG = b"\xff\xd8\xff\xe0picture"
DEADLINE_S = 5.0
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"4\r\n\xff\xd8\xff\xe0\r\n7\r\npicture\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Outcome:
    """What an answer comes to."""

    reason: str = ""
    status: int = 200
    data: bytes | None = JPEG


def outcome_of(client: Client, url: str, deadline_s: float = DEADLINE_S) -> Outcome:
    match client.get(url, deadline_s):
        case Body() as body:
            return Outcome("", body.status, body.data)
        case Failed() as failed:
            return Outcome(failed.reason, failed.status, None)
        case answer:
            raise AssertionError(answer)


def fails(reason: str, status: int = 0) -> Outcome:
    return Outcome(reason, status, None)


def with_length(*lines: bytes, body: bytes = JPEG) -> bytes:
    """A 200 whose head has these lines."""
    return HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def chunked(*lines: bytes, body: bytes = CHUNKS) -> bytes:
    return with_length(*(lines or (b"Transfer-Encoding: chunked",)), body=body)


LENGTH = b"Content-Length: 11"
ALIVE = Outcome()
BROKEN, CUT = fails("unreachable"), fails("truncated", 200)
