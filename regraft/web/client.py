"""One request at a time to a web that is not trusted: guarded, and bounded in bytes and in time.

What is expected to happen is a value, see `regraft.web.answers`. A redirect is followed only after it was checked, and
its body is never read (requests would read it whole, even with stream=True).
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from regraft.verdicts import Reason
from regraft.web.answers import (
    REDIRECT_STATUSES,
    Answer,
    Body,
    Failed,
    NotModified,
    Redirect,
    redirect_to,
    refusal,
    timed_out,
)
from regraft.web.bodies import is_skipped, read_body
from regraft.web.connections import Connection, Connections
from regraft.web.deadlines import Alarm, Watch
from regraft.web.failures import failure_from
from regraft.web.framing import NO_BODY_STATUSES, framing_of, stays_open
from regraft.web.guard import Guard
from regraft.web.heads import Head, whole_number
from regraft.web.memento import linked, memento_of
from regraft.web.urls import BadUrl, Blocked, normalised

MAX_SKIPPED_BYTES = 16_384
"""An error page up to this size is read, so that its connection can be used again."""
MIN_DEADLINE_S = 0.01
CONTENT_RANGE = re.compile(r"(?:bytes[ \t=]+)?([0-9]+)-([0-9]+)/([0-9]+|\*)", re.IGNORECASE)
PARTIAL_CONTENT = 206
MAX_ETAG_CHARACTERS = 500
ANY_ETAG = "*"
"""Sent back as a validator it would mean whatever there is: https://www.rfc-editor.org/rfc/rfc9110#section-13.1.2."""
ARCHIVED_ROBOTS = "x-archive-orig-x-robots-tag"
"""The field in which web archives repeat what the owner's server said to robots."""


class ClientSettings(Protocol):
    """What a client needs to know: `FetchSettings`, or anything else with these attributes."""

    @property
    def allow(self) -> tuple[str, ...]:
        """Private ADDRESS:PORT pairs that may be requested all the same."""

    @property
    def proxy(self) -> str | None:
        """The HTTP proxy that all requests go through."""

    @property
    def user_agent(self) -> str:
        """The name sent with every request."""

    @property
    def connect_s(self) -> float:
        """Seconds for a connection to open."""

    @property
    def max_bytes(self) -> int:
        """The largest body."""


class Client:
    """A pool of connections under one guard; thread-safe, one for each process."""

    def __init__(
        self,
        guard: Guard | None = None,
        *,
        proxy: str | None = None,
        user_agent: str = "regraft",
        connect_s: float = 5,
        max_bytes: int = 20_000_000,
    ):
        self._guard = guard or Guard()
        self._proxy = proxy
        self._connect_s = connect_s
        self._max_bytes = max_bytes
        self._headers = {"User-Agent": user_agent, "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
        self._watch = Watch()
        self._connections = Connections(self._guard, proxy)

    @classmethod
    def of(cls, settings: ClientSettings) -> "Client":
        """Return a client for a job's fetch settings."""
        return cls(
            Guard(settings.allow),
            proxy=settings.proxy,
            user_agent=settings.user_agent,
            connect_s=settings.connect_s,
            max_bytes=settings.max_bytes,
        )

    def get(
        self, url: str, deadline_s: float, etag: str = "", last_modified: str = "", max_unannounced: int | None = None
    ) -> Answer:
        """Return the answer to one request within `deadline_s` seconds; redirects are not followed.

        `etag` and `last_modified` are validators of an earlier body; they make the request conditional. A body whose
        size the server does not announce may have `max_unannounced` bytes, where that is less than the client's
        `max_bytes`. Never raises.
        """
        validators = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        validators = {name: value for name, value in validators.items() if value and value.isprintable()}
        return self._get(url, deadline_s, validators, bool(validators), max_unannounced)

    def get_memento(self, url: str, deadline_s: float, near: str) -> Answer:
        """Return the answer of a web archive as `get` does; `near` is the time that a memento is to come near to."""
        return self._get(url, deadline_s, {"Accept-Datetime": near}, is_conditional=False)

    def _get(
        self,
        url: str,
        deadline_s: float,
        fields: Mapping[str, str],
        is_conditional: bool,
        max_unannounced: int | None = None,
    ) -> Answer:
        """The answer to one request with these fields beside the usual ones."""
        alarm = self._watch.arm(deadline_s)
        try:
            self._guard.check(url)
            headers = {**self._headers, **fields}
            head, connection = self._connections.get(url, headers, min(self._connect_s, deadline_s), alarm)
            return self._answer(_Query(url, alarm, is_conditional, max_unannounced), head, connection)
        except Exception as error:  # whatever a server does, and whatever nobody has thought of
            return timed_out() if alarm.fired else failure_from(error, self._proxy)
        finally:
            self._watch.disarm(alarm)

    def follow(self, url: str, deadline_s: float, max_redirects: int = 5) -> tuple[str, Body | Failed]:
        """Return the final URL and its answer; redirects are checked and followed, all within `deadline_s` seconds.

        Never raises.
        """
        end = time.monotonic() + deadline_s
        try:
            url = normalised(url)
        except BadUrl as error:
            return url, Failed(reason=Reason.BAD_URL, detail=str(error))
        except Blocked as error:
            return url, Failed(reason=Reason.BLOCKED, detail=str(error))
        for _ in range(max_redirects + 1):
            match self.get(url, max(MIN_DEADLINE_S, end - time.monotonic())):
                case Redirect(url=target):
                    url = target
                case NotModified():  # nobody asked whether it is
                    return url, refusal(304)
                case answer:
                    return url, answer
        detail = f"more than {max_redirects} redirects"
        return url, Failed(reason=Reason.TOO_MANY_REDIRECTS, detail=detail)

    def _answer(self, query: "_Query", head: Head, connection: Connection) -> Answer:
        """The answer after a head; its connection is kept where it was read to its end."""
        is_read = False
        try:
            answer, is_read = self._read(query, head, connection)
            return answer
        finally:
            if is_read and not query.alarm.fired and stays_open(head, framing_of(head)):
                self._connections.keep(connection)
            else:
                connection.close()

    def _read(self, query: "_Query", head: Head, connection: Connection) -> tuple[Answer, bool]:
        """The answer after a head, and whether it was read to its end."""
        status = head.status
        if status == 304 and query.is_conditional:
            return NotModified(), True
        if status in REDIRECT_STATUSES and head.get("location"):
            return redirect_to(query.url, status, head.get("location")), is_skipped(head, connection, max_bytes=0)
        if not 200 <= status < 300 or status in NO_BODY_STATUSES:
            return refusal(status, head.get("retry-after")), is_skipped(head, connection, MAX_SKIPPED_BYTES)
        if status == PARTIAL_CONTENT and not _is_whole(head):
            detail = f"a part that nobody asked for: {head.get('content-range')}"[:200]
            return Failed(reason=Reason.TRUNCATED, detail=detail, status=status, may_pass=True), False
        data = read_body(head, connection, self._max_bytes, query.max_unannounced)
        if query.alarm.fired:  # the socket that was shut down looks like a clean end
            return timed_out(), False
        if isinstance(data, Failed):
            return data, False
        return _body(data, head), True


@dataclass(frozen=True, slots=True)
class _Query:
    """One request, as far as its answer depends on it."""

    url: str
    alarm: Alarm
    """Its deadline."""
    is_conditional: bool
    max_unannounced: int | None
    """Bytes that a body may have whose server does not announce its size."""


def _body(data: bytes, head: Head) -> Body:
    etag = head.get("etag")
    return Body(
        data,
        etag=etag if len(etag) <= MAX_ETAG_CHARACTERS and etag != ANY_ETAG else "",
        last_modified=head.get("last-modified")[:100],
        robots=", ".join(head.members("x-robots-tag") + head.members(ARCHIVED_ROBOTS))[:500],
        status=head.status,
        memento=memento_of(head, datetime.now(UTC)) if head.get("memento-datetime") else None,
        memento_url=linked(head, "memento") if head.get("link") else "",
    )


def _is_whole(head: Head) -> bool:
    """Whether a part of a body is all of it, as far as the head says so."""
    if head.get("content-type").lower().startswith("multipart/byteranges"):
        return False
    part = CONTENT_RANGE.match(head.get("content-range"))
    if part is None:
        return True
    start, last = whole_number(part[1]), whole_number(part[2])
    return start == 0 and (part[3] == "*" or whole_number(part[3]) == last + 1)
