"""Thumbnails: made in processes of their own, so that no picture can hurt the server, and kept while there is room."""

import queue
import subprocess
import threading
from collections import OrderedDict
from multiprocessing.connection import Connection
from typing import Literal

from regraft.errors import PictureError
from regraft.flows.web.thumbnail_worker import JPEG, Wish
from regraft.identity import Digest, short_digest
from regraft.process import start_module, usable_cores
from regraft.store.store import Store

Side = Literal["small", "large"]
SIDES: dict[Side, int] = {"small": 192, "large": 640}
"""The pixels of the longer side of the two kinds of thumbnails that there are."""
MAX_KEPT_BYTES = 64 << 20
"""Of the thumbnails that are kept in memory."""
MAX_ANSWER_BYTES = 4 << 20
"""Of one thumbnail; a large one takes some 100 kB."""
MAX_PROCESSES = 4
MAX_WAIT_S = 30.0
"""Seconds after which a process that has not answered is ended."""


class Thumbnails:
    """The thumbnails of one store's pictures. Safe to use from many threads."""

    def __init__(self, store: Store):
        self._store = store
        count = min(usable_cores(), MAX_PROCESSES)
        self._processes = [_Process(store.url, count) for _ in range(count)]
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._kept = _Kept()

    def get(self, digest: Digest, side: Side) -> bytes:
        """Return a picture's thumbnail, a JPEG.

        Raises PictureError where there is no such picture, StoreError where it is no digest; PictureError too where
        its bytes do not decode, or crash what decodes them.
        """
        if not self._store.blobs.has(digest):  # also where it was removed since a thumbnail was made
            raise PictureError(f"There is no picture {short_digest(digest)} in {self._store.url}.")
        wish = (digest, SIDES[side])
        jpeg = self._kept.get(wish)
        if jpeg is None:
            try:
                jpeg = self._made(wish)
            except ValueError as error:
                raise PictureError(f"There is no thumbnail of {short_digest(digest)}: {error}.") from error
            self._kept.put(wish, jpeg)
        return jpeg

    def forget(self) -> None:
        """Let go of the thumbnails that are made."""
        self._kept.clear()

    def start(self) -> None:
        """Start the processes, so that the first thumbnail need not wait for them; else the first wish does."""
        for process in self._processes:
            process.start()

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.end()

    def _made(self, wish: Wish) -> bytes:
        process = self._idle.get()
        try:
            return process.thumbnail(wish)
        finally:
            self._idle.put(process)


class _Process:
    """A process that makes thumbnails, one at a time; started when it is needed, and anew after it died."""

    def __init__(self, store_url: str, processes: int):
        self._settings = (store_url, processes)
        self._running: tuple[subprocess.Popen[bytes], Connection] | None = None

    def start(self) -> Connection:
        """Return the pipe to the process, once it is started."""
        if self._running is None:
            self._running = start_module("regraft.flows.web.thumbnail_worker")
            self._running[1].send(self._settings)
        return self._running[1]

    def thumbnail(self, wish: Wish) -> bytes:
        """Return a JPEG. Raises ValueError, with the reason, where there is none. One call at a time."""
        try:
            pipe = self.start()
            pipe.send(wish)
            if not pipe.poll(MAX_WAIT_S):
                self.end()
                raise ValueError(f"it takes more than {MAX_WAIT_S:.0f} seconds to decode")
            answer = pipe.recv_bytes(MAX_ANSWER_BYTES)
        except (EOFError, OSError):
            self.end()
            raise ValueError("its bytes crash the decoder, or take too much memory or time") from None
        if answer[:1] != JPEG:
            raise ValueError(answer[1:].decode(errors="replace"))
        return answer[1:]

    def end(self) -> None:
        """End the process, if it runs."""
        if self._running is not None:
            process, pipe = self._running
            self._running = None
            pipe.close()
            process.kill()
            process.wait()


class _Kept:
    """The thumbnails that were wanted last, MAX_KEPT_BYTES of them. Safe to use from many threads."""

    def __init__(self) -> None:
        self._jpegs: OrderedDict[Wish, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, wish: Wish) -> bytes | None:
        """Return a thumbnail, if it is kept."""
        with self._lock:
            if wish in self._jpegs:
                self._jpegs.move_to_end(wish)
            return self._jpegs.get(wish)

    def put(self, wish: Wish, jpeg: bytes) -> None:
        """Keep a thumbnail, and let go of those that were not wanted for the longest time."""
        with self._lock:
            if wish in self._jpegs:
                return
            self._jpegs[wish] = jpeg
            self._bytes += len(jpeg)
            while self._bytes > MAX_KEPT_BYTES:
                _, oldest = self._jpegs.popitem(last=False)
                self._bytes -= len(oldest)

    def clear(self) -> None:
        """Let go of all thumbnails."""
        with self._lock:
            self._jpegs.clear()
            self._bytes = 0
