"""What a fetching process is told when it starts, in plain values: without pydantic it starts sooner."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from regraft.links.removals import NO_REMOVALS, Removals
from regraft.pictures.limits import Limits
from regraft.store.layout import Layout

if TYPE_CHECKING:
    from regraft.config import FetchSettings, ScreenSettings


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """What one worker needs to know of the job's fetch settings."""

    store_url: str
    """Where pictures are kept."""
    nearby: str | None
    """A folder of this machine where they are kept too, if the store is a bucket."""
    limits: Limits
    """Which pictures are kept."""
    place: int
    """The worker's number, 0 to `workers` - 1: it says which of a host's connections are its own."""
    workers: int
    """How many workers share the connections."""
    proxy: str | None
    """The HTTP proxy that all requests go through."""
    allow: tuple[str, ...]
    """Private ADDRESS:PORT pairs that may be requested all the same."""
    connections: int
    """Connections at a time, over all workers."""
    per_host: int
    """Connections at a time to one host, over all workers."""
    attempts: int
    """Requests at most for a link that fails in a way that may pass."""
    connect_s: float
    """Seconds for a connection to open."""
    deadline_s: float
    """Seconds for one attempt at a link, redirects included."""
    retry_after_s: float
    """The longest Retry-After that is honoured, in seconds."""
    max_bytes: int
    """The largest body."""
    max_redirects: int
    """Redirects that are followed."""
    pace_s: float
    """Seconds at least between two requests to one host, over all workers."""
    robots: bool
    """Whether robots.txt is obeyed."""
    user_agent: str
    """The name sent with every request."""
    removals: Removals = NO_REMOVALS
    """What must not come back."""
    layout: Layout | None = None
    """Which lane asks which host, where other machines fetch other lanes; None where one machine fetches all."""

    @classmethod
    def of(
        cls,
        store_url: str,
        nearby: str | None,
        fetch: "FetchSettings",
        screen: "ScreenSettings",
        place: int,
        workers: int,
        removals: Removals = NO_REMOVALS,
        layout: Layout | None = None,
    ) -> "WorkerSettings":
        """Return the settings of one of a job's workers."""
        return cls(
            store_url=store_url,
            nearby=nearby,
            limits=Limits(screen.min_side, screen.max_pixels),
            place=place,
            workers=workers,
            proxy=fetch.proxy,
            allow=fetch.allow,
            connections=fetch.connections,
            per_host=fetch.per_host,
            attempts=fetch.attempts,
            connect_s=fetch.connect_s,
            deadline_s=fetch.deadline_s,
            retry_after_s=fetch.retry_after_s,
            max_bytes=fetch.max_bytes,
            max_redirects=fetch.max_redirects,
            pace_s=fetch.pace_s,
            robots=fetch.robots,
            user_agent=fetch.user_agent,
            removals=removals,
            layout=layout,
        )

    @property
    def threads(self) -> int:
        """How many threads this worker has: one for each of its connections."""
        return max(1, self.connections // self.workers)

    def connections_to(self, host: str) -> int:
        """Return how many connections to a host this worker may have at a time; 0 where the host is not its own."""
        return share_of_host(host, self.place, self.workers, self.per_host)


@lru_cache(4096)
def share_of_host(host: str, place: int, workers: int, per_host: int) -> int:
    """Return how many of a host's `per_host` connections belong to the worker at `place` of so many workers.

    The shares of all workers sum to `per_host`, so the limit holds over processes that never speak to each other.
    """
    start = hashlib.sha256(host.encode("utf-8", "surrogatepass")).digest()[0]
    return sum(1 for i in range(per_host) if (start + i) % workers == place)
