"""Pictures to features, each image and backbone once: what the store has is found again."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from regraft.backbones import Backbone
from regraft.pictures.judge import Pixels, rgb
from regraft.store.store import Store

APPEND = 2048
"""Features are kept after this many images, so that a killed run loses little."""


def embed(digests: Sequence[str], backbone: Backbone, store: Store, batch: int, progress: Callable[[int], None]) -> int:
    """Compute the features that the store lacks, keep them, and return how many were computed."""
    known = store.features(backbone.fingerprint, digests)
    missing = [digest for digest in dict.fromkeys(digests) if digest not in known]
    progress(len(digests) - len(missing))
    for start in range(0, len(missing), APPEND):
        part = missing[start : start + APPEND]
        rows = [_told(progress, backbone.features(squares)) for squares in _squares(part, backbone, store, batch)]
        store.put_features(backbone.fingerprint, part, np.concatenate(rows))
    return len(missing)


def lookup(digests: Sequence[str], fingerprint: str, store: Store) -> NDArray[np.float32]:
    """Return the features of digests, (N, D) float32, in their order. Raises KeyError where one is not there."""
    known = store.features(fingerprint, digests)
    return np.stack([known[digest] for digest in digests])


def features_of(pictures: Sequence[Pixels], backbone: Backbone) -> NDArray[np.float32]:
    """Return the features, (N, D) float32, of pictures of any size."""
    return backbone.features(np.stack([backbone.prepare(pixels) for pixels in pictures]))


def _squares(digests: Sequence[str], backbone: Backbone, store: Store, batch: int) -> Iterator[Pixels]:
    """Prepared pictures in batches, the next one decoded while the network works on this one."""

    def square(digest: str) -> Pixels:
        return backbone.prepare(rgb(store.blob(digest), backbone.min_side))

    batches = [digests[i : i + batch] for i in range(0, len(digests), batch)]
    with ThreadPoolExecutor(2, "decode") as decoders:
        ahead = [decoders.submit(square, digest) for digest in batches[0]] if batches else []
        for following in [*batches[1:], []]:
            ready, ahead = ahead, [decoders.submit(square, digest) for digest in following]
            yield np.stack([future.result() for future in ready])


def _told(progress: Callable[[int], None], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    progress(len(rows))
    return rows
