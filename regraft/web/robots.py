"""robots.txt, where the job asks for it to be obeyed: https://www.rfc-editor.org/rfc/rfc9309."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from protego import Protego

from regraft.verdicts import Reason
from regraft.web.client import Body, Client, Failed

MAX_BYTES = 512_000
"""Bytes of a robots.txt that are read, as RFC 9309 asks for at least."""
NOBODY = "User-agent: *\nDisallow: /"


@dataclass
class _Rules:
    known: threading.Lock = field(default_factory=threading.Lock)
    parsed: Protego | None = None


class Robots:
    """The rules of the hosts that one process asks, each fetched once; shared by its threads.

    `slower(host, seconds)` is told of a Crawl-delay.
    """

    def __init__(self, client: Client, user_agent: str, deadline_s: float, slower: Callable[[str, float], None]):
        self._client, self._agent = client, user_agent.split("/")[0]
        self._deadline_s, self._slower = deadline_s, slower
        self._lock = threading.Lock()
        self._hosts: dict[str, _Rules] = {}

    def allow(self, url: str) -> bool:
        """Tell whether a URL may be asked for. A host without a robots.txt allows all, one that errs (5xx) nothing."""
        parts = urlsplit(url)
        root = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            rules = self._hosts.setdefault(root, _Rules())
        with rules.known:
            if rules.parsed is None:
                rules.parsed = Protego.parse(self._text(root))
                delay_s = rules.parsed.crawl_delay(self._agent)
                if delay_s:
                    self._slower(parts.netloc.lower(), float(delay_s))
        return rules.parsed.can_fetch(url, self._agent)

    def _text(self, root: str) -> str:
        _, answer = self._client.follow(f"{root}/robots.txt", self._deadline_s)
        match answer:
            case Body():
                return answer.data[:MAX_BYTES].decode("utf-8", "replace")
            case Failed() if answer.reason == Reason.SERVER_ERROR:
                return NOBODY
            case _:
                return ""
