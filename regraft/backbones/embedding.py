"""From the store's images to their features, computed once for each image and backbone."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from regraft.backbones.backbone import Backbone, Features
from regraft.identity import Digest
from regraft.pictures.colours import Pixels, rgb
from regraft.store.feature_rows import ArrayRows, FeatureRows
from regraft.store.store import Store

IMAGES_PER_PART = 2048
"""Images whose features are stored together: a killed run loses no more than these."""
DECODING_THREADS = 2


def embed(
    digests: Sequence[Digest], backbone: Backbone, store: Store, batch_size: int, progress: Callable[[int], None]
) -> int:
    """Compute the features that the store lacks, store them, and return for how many images that was.

    `progress` is called with the number of images done since its last call; with those known already first.
    """
    known = store.features.known(backbone.fingerprint, digests)
    missing = [digest for digest in dict.fromkeys(digests) if digest not in known]
    progress(len(digests) - len(missing))
    for start in range(0, len(missing), IMAGES_PER_PART):
        part = missing[start : start + IMAGES_PER_PART]
        rows = []
        for squares in _batches_of_squares(part, backbone, store, batch_size):
            rows.append(backbone.features(squares))
            progress(len(squares))
        store.features.append(backbone.fingerprint, part, np.concatenate(rows))
    return len(missing)


def lookup(digests: Sequence[Digest], fingerprint: str, store: Store) -> FeatureRows:
    """Return stored features, (N, D), in the order of the digests. Raises KeyError where one is missing."""
    known = store.features.read(fingerprint, digests)
    return ArrayRows(np.stack([known[digest] for digest in digests]))


def features_of(pictures: Sequence[Pixels], backbone: Backbone) -> Features:
    """Return the features, (N, D) float32, of pictures of any size, (H, W, 3) uint8 RGB."""
    return backbone.features(np.stack([backbone.prepare(pixels) for pixels in pictures]))


def _batches_of_squares(
    digests: Sequence[Digest], backbone: Backbone, store: Store, batch_size: int
) -> Iterator[Pixels]:
    """Prepared pictures in batches; the next batch is decoded while the network works on this one."""

    def square(digest: Digest) -> Pixels:
        return backbone.prepare(rgb(store.blobs.read(digest), backbone.side))

    batches = [digests[i : i + batch_size] for i in range(0, len(digests), batch_size)]
    with ThreadPoolExecutor(DECODING_THREADS, "decode") as decoders:
        upcoming = [decoders.submit(square, digest) for digest in batches[0]] if batches else []
        for next_batch in [*batches[1:], []]:
            current, upcoming = upcoming, [decoders.submit(square, digest) for digest in next_batch]
            yield np.stack([future.result() for future in current])
