"""How many do something at a time: requests to a host, say."""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator


class UnderWay:
    """Counts what is under way, by name, on many threads."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        """How many are under way."""
        self.peak: Counter[str] = Counter()
        """The most of them at a time."""
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def counted(self, name: str = "") -> Iterator[None]:
        """Count one while the context lasts."""
        with self._lock:
            self.now[name] += 1
            self.peak[name] = max(self.peak[name], self.now[name])
        try:
            yield
        finally:
            with self._lock:
                self.now[name] -= 1
