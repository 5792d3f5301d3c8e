"""How much work one picture may be, and how much memory the pictures that are decoded at the same time may take.

A small file can be a great deal of work: 300 kB of progressive JPEG with 1,500 scans, 200 kB of PNG with 49 million
pixels. What a picture will cost is known from its header, so it is refused, or waits, before anything is decoded.
"""

import contextlib
import threading
from collections.abc import Iterator

MAX_SCANS = 100
"""Scans of one JPEG. Cameras and web sites write 1 to 14."""
MAX_PIXEL_SCANS = 1_000_000_000
"""Pixels times scans of one JPEG: 20 scans of the largest picture that is allowed."""
MAX_SEGMENTS = 10_000
"""Segments of a JPEG, chunks of a PNG or WebP, boxes of an AVIF. A file of 20 MB has some 2,500 of the usual sizes."""
MAX_BYTES_AT_ONCE = 512 << 20
"""Bytes that all pictures under way in one process may take; a picture that takes more is decoded alone."""


class TooMuchWork(ValueError):
    """A picture takes more work or memory than a picture should."""


class DecodingMemory:
    """Memory that pictures share while they are decoded. Safe to use from many threads."""

    def __init__(self, max_bytes: int = MAX_BYTES_AT_ONCE):
        self._max_bytes = max_bytes
        self._taken_bytes = 0
        self._freed = threading.Condition()

    @contextlib.contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Hold `size` bytes while the context lasts; wait until there is room for them.

        More than there ever is room for is held alone.
        """
        size = min(size, self._max_bytes)
        with self._freed:
            self._freed.wait_for(lambda: self._taken_bytes + size <= self._max_bytes)
            self._taken_bytes += size
        try:
            yield
        finally:
            with self._freed:
                self._taken_bytes -= size
                self._freed.notify_all()


decoding_memory = DecodingMemory()
"""What all pictures of this process share."""
