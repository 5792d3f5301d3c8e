"""robots.txt, where the job obeys it: https://www.rfc-editor.org/rfc/rfc9309."""

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from protego import Protego

from regraft.verdicts import Reason
from regraft.web.answers import Body, Failed
from regraft.web.client import Client
from regraft.web.urls import host_and_port_of

MAX_ROBOTS_BYTES = 512_000
"""The part of a robots.txt that is read; RFC 9309 wants at least 500 KiB of it read."""
MAX_ATTEMPTS = 2
"""Requests for a robots.txt that cannot be read, before its host is left alone."""
PAUSE_S = 2.0
"""Seconds between them."""
VERSION = re.compile(r"^([ \t]*user-?agent[ \t]*:[ \t]*[a-z_-]+)/[^\r\n]*", re.IGNORECASE | re.MULTILINE)
"""A robot's name with a version behind it, which names no robot: RFC 9309, section 2.2.1."""
NO_CONTENT_STATUSES = (204, 205)
ALLOW_ALL = ""


@dataclass
class _Rules:
    """One host's robots.txt."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    parsed: Protego | None = None
    failure: Failed | None = None
    """Why there are no rules yet."""
    attempts: int = 0
    next_attempt_at: float = 0.0


class Robots:
    """The rules of the hosts that one process requests, each fetched once; shared by its threads.

    `set_pace(host, seconds)` is called for a host whose robots.txt has a Crawl-delay. `clock` returns seconds.
    """

    def __init__(
        self,
        client: Client,
        user_agent: str,
        deadline_s: float,
        set_pace: Callable[[str, float], None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._client, self._agent, self._clock = client, user_agent.split("/")[0], clock
        self._deadline_s, self._set_pace = deadline_s, set_pace
        self._lock = threading.Lock()
        self._rules: dict[str, _Rules] = {}

    def refusal(self, url: str) -> Failed | None:
        """Return why a URL must not be requested, None where it may.

        The reason is `opted_out` where robots.txt disallows it. Where robots.txt cannot be read nothing may be
        requested for now (RFC 9309, section 2.3.1.4); the failure is that of robots.txt, and `may_pass` says whether to
        come again, after `retry_after_s`. A host without a robots.txt allows everything: it answers 4xx, but not 408 or
        429.
        """
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            rules = self._rules.setdefault(root, _Rules())
        with rules.lock:
            if rules.parsed is None and rules.attempts < MAX_ATTEMPTS and self._clock() >= rules.next_attempt_at:
                self._fetch(root, rules)
            if rules.parsed is None:
                return rules.failure
        if rules.parsed.can_fetch(url, self._agent):
            return None
        return Failed(reason=Reason.OPTED_OUT, detail="robots.txt disallows it")

    def _fetch(self, root: str, rules: _Rules) -> None:
        text = self._text(f"{root}/robots.txt")
        if isinstance(text, Failed):
            rules.attempts += 1
            rules.next_attempt_at = self._clock() + PAUSE_S
            may_pass = text.may_pass and rules.attempts < MAX_ATTEMPTS
            detail = f"robots.txt cannot be read: {text.detail}"
            rules.failure = replace(text, detail=detail, may_pass=may_pass, retry_after_s=PAUSE_S)
            return
        rules.parsed = Protego.parse(text)
        delay_s = rules.parsed.crawl_delay(self._agent)
        if delay_s:
            self._set_pace(host_and_port_of(root), float(delay_s))

    def _text(self, url: str) -> str | Failed:
        """The text of a host's robots.txt, or what its absence means; Failed where it cannot be read."""
        final_url, answer = self._client.follow(url, self._deadline_s)
        match answer:
            case Body(data=data):
                return VERSION.sub(r"\1", data[:MAX_ROBOTS_BYTES].decode("utf-8-sig", "replace"))
            case Failed(reason=Reason.TOO_MANY_REDIRECTS):
                return ALLOW_ALL
            case Failed(status=status, may_pass=False) if 400 <= status < 500 or status in NO_CONTENT_STATUSES:
                return ALLOW_ALL
            case Failed(status=0, may_pass=False) if final_url == url:
                return ALLOW_ALL  # the name does not resolve, or TLS fails: so will whatever is requested of the host
            case Failed():
                return answer
