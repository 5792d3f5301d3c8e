"""What stays of a run: what one process opens for it, each thing once and only when it is needed."""

import os
import threading
from functools import cached_property
from typing import TYPE_CHECKING

from regraft.fetching.crew import Crew
from regraft.pipeline.spec import RunSpec
from regraft.progress import Meter

if TYPE_CHECKING:
    from regraft.config import Config
    from regraft.store.store import Store


class Bench:
    """One process's side of a run. Get it with `Bench.of(spec)`; safe to use from many threads."""

    def __init__(self, spec: RunSpec):
        self.spec = spec
        self.meter = Meter()
        """Progress and timings of the steps that ran in this process."""
        self._lock = threading.RLock()
        self._crew: Crew | None = None
        self._closed = False

    @classmethod
    def of(cls, spec: RunSpec) -> "Bench":
        """Return this process's bench for a run, the same one each time.

        A store has one run at a time, so the benches of earlier runs on the same store are closed.
        """
        with _lock:
            key = (os.getpid(), spec.run_id)  # a forked process opens its own
            if key not in _benches:
                for other, bench in list(_benches.items()):
                    if bench.spec.store_url == spec.store_url:
                        del _benches[other]
                        bench.close()
                _benches[key] = cls(spec)
            return _benches[key]

    @property
    def config(self) -> "Config":
        """The job's settings."""
        return self.spec.config

    @cached_property
    def store(self) -> "Store":
        """The store."""
        from regraft.store.store import Store  # pandas and Arrow take a while to import

        return Store(self.spec.store_url)

    @property
    def crew(self) -> Crew:
        """The processes that fetch. They start with the first request and end after the last."""
        with self._lock:
            if self._crew is None:
                self._crew = Crew(self.spec.store_url, self.config.fetch, self.config.screen)
                if self._closed:
                    self._crew.close()
            return self._crew

    def close(self) -> None:
        """Close what was opened. May be called twice; a step that comes too late finds its links `skipped`."""
        with self._lock:
            self._closed = True
            if self._crew is not None:
                self._crew.close()


_lock = threading.RLock()
_benches: dict[tuple[int, str], Bench] = {}
