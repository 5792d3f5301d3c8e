"""One request at a time to a web that is not trusted: guarded, and bounded in bytes and in time.

What is expected to happen is a value, see `regraft.web.answers`. A redirect is followed only after it was checked, and
its body is never read (requests would read it whole, even with stream=True).
"""

import time
from typing import Any, Protocol

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
from regraft.web.bodies import read_body, skip_body
from regraft.web.connections import Connections
from regraft.web.deadlines import Alarm, Watch
from regraft.web.failures import failure_from
from regraft.web.guard import Guard
from regraft.web.plain_http import OpenResponse
from regraft.web.urls import BadUrl, Blocked, normalised

MAX_SKIPPED_BYTES = 16_384
"""An error page up to this size is read, so that its connection can be used again."""
MIN_DEADLINE_S = 0.01


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

    @property
    def connections(self) -> int:
        """Connections at a time."""


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
        connections: int = 64,
    ):
        self._guard = guard or Guard()
        self._proxy = proxy
        self._connect_s = connect_s
        self._max_bytes = max_bytes
        self._headers = {"User-Agent": user_agent, "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
        self._watch = Watch()
        self._connections = Connections(self._guard, self._watch, proxy, connections)

    @classmethod
    def of(cls, settings: ClientSettings, connections: int | None = None) -> "Client":
        """Return a client for a job's fetch settings, with `connections` at a time instead of the settings'."""
        return cls(
            Guard(settings.allow),
            proxy=settings.proxy,
            user_agent=settings.user_agent,
            connect_s=settings.connect_s,
            max_bytes=settings.max_bytes,
            connections=connections or settings.connections,
        )

    def get(self, url: str, deadline_s: float, etag: str = "", last_modified: str = "") -> Answer:
        """Return the answer to one request within `deadline_s` seconds; redirects are not followed.

        `etag` and `last_modified` are validators of an earlier body; they make the request conditional. Never raises.
        """
        headers = dict(self._headers)
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        alarm = self._watch.arm(deadline_s)
        try:
            self._guard.check(url)
            response = self._connections.get(url, headers, min(self._connect_s, deadline_s), deadline_s)
            return self._answer(url, response, alarm)
        except Exception as error:  # urllib3 and http.client let ValueError, LookupError and more out
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
                    return url, refusal(304, None)
                case answer:
                    return url, answer
        detail = f"more than {max_redirects} redirects"
        return url, Failed(reason=Reason.TOO_MANY_REDIRECTS, detail=detail)

    def _answer(self, url: str, response: OpenResponse, alarm: Alarm) -> Answer:
        """The answer in a response; its connection is kept where the response was read to its end."""
        is_read = False
        try:
            answer, is_read = self._read(url, response.response, alarm)
            return answer
        finally:
            if is_read:
                response.keep()
            else:
                response.drop()

    def _read(self, url: str, response: Any, alarm: Alarm) -> tuple[Answer, bool]:
        """The answer in a response, and whether the response was read to its end."""
        status, headers = response.status, response.headers
        if status == 304:
            response.read()  # reads nothing, but http.client must see the end
            return NotModified(), True
        if status in REDIRECT_STATUSES and headers.get("Location"):
            is_read = skip_body(response, max_bytes=0)
            return redirect_to(url, status, headers["Location"]), is_read
        if status != 200:
            return refusal(status, headers.get("Retry-After")), skip_body(response, MAX_SKIPPED_BYTES)
        data = read_body(response, self._max_bytes)
        if alarm.fired:  # the socket that was shut down looks like a clean end
            return timed_out(), False
        if isinstance(data, Failed):
            return data, False
        return _body(data, headers), True


def _body(data: bytes, headers: Any) -> Body:
    return Body(
        data,
        etag=headers.get("ETag", "")[:500],
        last_modified=headers.get("Last-Modified", "")[:100],
        robots=headers.get("X-Robots-Tag", "").lower()[:500],
    )
