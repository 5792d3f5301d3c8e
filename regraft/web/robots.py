"""robots.txt, where the job obeys it: https://www.rfc-editor.org/rfc/rfc9309."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from protego import Protego

from regraft.verdicts import Reason
from regraft.web.answers import Body, Failed
from regraft.web.client import Client
from regraft.web.urls import host_and_port_of

MAX_ROBOTS_BYTES = 512_000
"""The part of a robots.txt that is read; RFC 9309 wants at least 500 KiB of it read."""
DISALLOW_ALL = "User-agent: *\nDisallow: /"
ALLOW_ALL = ""


@dataclass
class _Rules:
    """One host's robots.txt, fetched once."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    parsed: Protego | None = None


class Robots:
    """The rules of the hosts that one process requests, each fetched once; shared by its threads.

    `set_pace(host, seconds)` is called for a host whose robots.txt has a Crawl-delay.
    """

    def __init__(self, client: Client, user_agent: str, deadline_s: float, set_pace: Callable[[str, float], None]):
        self._client, self._agent = client, user_agent.split("/")[0]
        self._deadline_s, self._set_pace = deadline_s, set_pace
        self._lock = threading.Lock()
        self._rules: dict[str, _Rules] = {}

    def allow(self, url: str) -> bool:
        """Tell whether a URL may be requested.

        A host without a robots.txt allows everything, one whose robots.txt is a server error (5xx) nothing.
        """
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            rules = self._rules.setdefault(root, _Rules())
        with rules.lock:
            if rules.parsed is None:
                rules.parsed = Protego.parse(self._text(root))
                delay_s = rules.parsed.crawl_delay(self._agent)
                if delay_s:
                    self._set_pace(host_and_port_of(url), float(delay_s))
        return rules.parsed.can_fetch(url, self._agent)

    def _text(self, root: str) -> str:
        """The text of a host's robots.txt, or what its absence means."""
        _, answer = self._client.follow(f"{root}/robots.txt", self._deadline_s)
        match answer:
            case Body(data=data):
                return data[:MAX_ROBOTS_BYTES].decode("utf-8", "replace")
            case Failed(reason=Reason.SERVER_ERROR):
                return DISALLOW_ALL
            case Failed():
                return ALLOW_ALL
