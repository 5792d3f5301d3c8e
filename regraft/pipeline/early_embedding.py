"""Pictures are embedded as soon as they are fetched, while links on other hosts are still waited for."""

import logging
import queue
import threading
import time
from collections.abc import Callable

from regraft.backbones.backbone import Embeds
from regraft.backbones.embedding import embed
from regraft.identity import Digest
from regraft.store.store import Store

MAX_IMAGES = 256
"""Images that are embedded and stored together."""
GATHER_S = 1.0
"""Seconds that the first picture waits for others, so that not each of them is stored alone."""
log = logging.getLogger("regraft")


class EarlyEmbedding:
    """Embeds pictures on a thread of its own, from `start` to `stop`.

    A picture whose features the store has costs nothing, and the backbone is loaded for the first one that it lacks.
    Where something goes wrong no more is embedded: the step that embeds the manifest will say what it is.
    """

    def __init__(self, backbone: Callable[[], Embeds], fingerprint: str, store: Store, batch_size: int):
        self._backbone, self._fingerprint, self._store, self._batch_size = backbone, fingerprint, store, batch_size
        self._arrived: queue.SimpleQueue[Digest | None] = queue.SimpleQueue()
        """None wakes the thread to end."""
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="early embedding", daemon=True)
        self.computed: set[Digest] = set()
        """The images whose features were not in the store before."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, digest: Digest) -> None:
        """Take in a picture that the store holds."""
        self._arrived.put(digest)

    def stop(self) -> None:
        """Embed no more; return once the images under way are stored."""
        self._has_ended.set()
        self._arrived.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            while not self._has_ended.is_set():
                self._embed(self._next_images())
        except Exception as error:
            log.info("No more pictures are embedded while links are waited for: %s", error)

    def _next_images(self) -> set[Digest]:
        """The pictures that have arrived: wait for one, and a little for others."""
        images: set[Digest] = set()
        wait_s: float | None = None
        while len(images) < MAX_IMAGES:
            try:
                digest = self._arrived.get(timeout=wait_s)
            except queue.Empty:
                break
            if digest is None:
                return set()
            if not images:
                end = time.monotonic() + GATHER_S
            images.add(digest)
            wait_s = max(0.0, end - time.monotonic())
        return images

    def _embed(self, images: set[Digest]) -> None:
        missing = sorted(images - self._store.features.known(self._fingerprint, [*images]))
        if missing:
            embed(missing, self._backbone(), self._store, self._batch_size, progress=lambda images: None)
            self.computed.update(missing)
