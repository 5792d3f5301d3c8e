"""From the store's images to their features, computed once for each image and backbone."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from regraft.backbones.backbone import Embeds, Extracts, Features
from regraft.errors import CorruptError
from regraft.identity import Digest, short_digest
from regraft.pictures.colours import rgb
from regraft.pictures.pixels import Pixels
from regraft.process import usable_cores
from regraft.store.feature_rows import FeatureRows
from regraft.store.store import Store

IMAGES_PER_PART = 2048
"""Images whose features are stored together: a killed run loses no more than these."""
MAX_DECODING_THREADS = 8
"""Beside a GPU and on 16 cores, 8 decoded a quarter more pictures a second than 2, and 16 fewer than 8."""
log = logging.getLogger("regraft")


def embed(
    digests: Sequence[Digest], backbone: Embeds, store: Store, batch_size: int, progress: Callable[[int], None]
) -> int:
    """Compute the features that the store lacks, store them, and return for how many images that was.

    `progress` is called with the number of images done since its last call; with those known already first. An image
    whose bytes are gone, damaged or do not decode is named in the log, and its features stay unknown.
    """
    known = store.features.known(backbone.fingerprint, digests)
    missing = [digest for digest in dict.fromkeys(digests) if digest not in known]
    progress(len(digests) - len(missing))
    computed = 0
    for start in range(0, len(missing), IMAGES_PER_PART):
        embedded, rows = [], []
        for batch, squares in _batches_of_squares(
            missing[start : start + IMAGES_PER_PART], backbone, store, batch_size
        ):
            decoded = [square for square in squares if square is not None]
            if decoded:
                rows.append(backbone.features(np.stack(decoded)))
            embedded += [digest for digest, square in zip(batch, squares, strict=True) if square is not None]
            progress(len(batch))
        if embedded:
            store.features.append(backbone.fingerprint, embedded, np.concatenate(rows))
        computed += len(embedded)
    return computed


def lookup(digests: Sequence[Digest], fingerprint: str, store: Store) -> FeatureRows:
    """Return stored features, (N, D), in the order of the digests. Raises KeyError where one is missing."""
    return store.features.rows(fingerprint, digests)


def features_of(pictures: Sequence[Pixels], backbone: Extracts) -> Features:
    """Return the features, (N, D) float32, of pictures of any size, (H, W, 3) uint8 RGB."""
    return backbone.features(np.stack([backbone.prepare(pixels) for pixels in pictures]))


def _batches_of_squares(
    digests: Sequence[Digest], backbone: Embeds, store: Store, batch_size: int
) -> Iterator[tuple[Sequence[Digest], list[Pixels | None]]]:
    """Digests and prepared pictures in batches; the next batch is decoded while the network works on this one."""

    def square(digest: Digest) -> Pixels | None:
        return _square(digest, backbone, store)

    batches = [digests[i : i + batch_size] for i in range(0, len(digests), batch_size)]
    with ThreadPoolExecutor(min(usable_cores(), MAX_DECODING_THREADS), "decode") as decoders:
        upcoming = [decoders.submit(square, digest) for digest in batches[0]] if batches else []
        for batch, next_batch in zip(batches, [*batches[1:], []], strict=True):
            current, upcoming = upcoming, [decoders.submit(square, digest) for digest in next_batch]
            yield batch, [future.result() for future in current]


def _square(digest: Digest, backbone: Embeds, store: Store) -> Pixels | None:
    """An image as the square that the network sees; None where its bytes are gone, damaged or do not decode.

    Raises StoreError where the store cannot be read, which is no fault of the image.
    """
    try:
        return backbone.prepare(rgb(store.blobs.read(digest), backbone.side))
    except (ValueError, CorruptError) as error:
        log.warning("%s is not learnt from: %s", short_digest(digest), error)
        return None
