"""What a picture is like: pictures that look the same, and its nearest neighbours by features."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.identity import Digest
from regraft.pictures.near import hash_bits, picture_distances
from regraft.reporting.link_search import LinkTable
from regraft.store.features import Features
from regraft.store.tables import OpenTable, stacked

# N pictures, D features
LOOK_ALIKE_BITS = 12
"""Bits of 64 in which the perceptual hashes of pictures differ at most that are shown as looking alike."""
MAX_LINKS = 1_000
"""Links that are looked at at most, the nearest: many may show one and the same placeholder."""
MAX_LOOKED_AT = 20_000
"""Pictures among which neighbours are looked for: of more, those with the smallest digests."""
COLUMNS = ["digest", "category", "verdict", "reason", "url"]
"""What is said of a picture that is like another."""


def look_alikes(links: LinkTable, digest: str, phash: str, limit: int) -> pd.DataFrame:
    """Return the pictures that look most like one, mirrored or not, nearest first: COLUMNS and `bits` that differ.

    Pictures whose bytes are the same are left out, and so are those that differ in more than LOOK_ALIKE_BITS bits.
    """
    rows, phashes = links.hashes()
    distance = picture_distances(hash_bits(phashes), np.uint64(int(phash, 16)))
    nearest = np.argsort(distance, kind="stable")[:MAX_LINKS]
    near = np.sort(nearest[distance[nearest] <= LOOK_ALIKE_BITS])
    pictures = links.read(rows[near], COLUMNS).assign(bits=distance[near].astype(int))
    others = pictures[pictures["digest"] != digest].sort_values(["bits", "digest"], kind="stable")
    return others.drop_duplicates("digest").head(limit).reset_index(drop=True)


def neighbours(manifest: OpenTable, features: Features, fingerprint: str, digest: Digest, limit: int) -> pd.DataFrame:
    """Return the pictures whose features are nearest to one's, nearest first: digest, category, split and `cosine`.

    `manifest` has N rows with these three. Nearness is the cosine of centred features, as where misfiled pictures are
    looked for, see `dataset.neighbours`. Empty where the picture's features are not known.
    """
    few = _few(manifest)
    known = features.known(fingerprint, [*few["digest"], digest])
    others = few[few["digest"].isin(known) & (few["digest"] != digest)].reset_index(drop=True)
    if digest not in known or others.empty:
        return others.assign(cosine=0.0).head(0)
    cosine = _cosines(features, fingerprint, others["digest"].tolist(), digest)
    return others.assign(cosine=cosine).sort_values("cosine", ascending=False, ignore_index=True).head(limit)


def _few(manifest: OpenTable) -> pd.DataFrame:
    """The pictures of a manifest among which neighbours are looked for (digest, category, split)."""
    columns = ["digest", "category", "split"]
    few = pd.DataFrame(columns=columns, dtype=str)
    for _, group in manifest.groups(columns):
        few = stacked(few, group.to_pandas()).sort_values("digest", ignore_index=True).head(MAX_LOOKED_AT)
    return few


def _cosines(features: Features, fingerprint: str, digests: list[Digest], digest: Digest) -> NDArray[np.float64]:
    """The cosine of one picture's features and those of N others, (N,), all seen from the others' mean."""
    others = features.rows(fingerprint, digests)
    own = features.read(fingerprint, [digest])[digest].astype(np.float64)
    centre = others.mean()
    direction = own - centre
    direction /= max(float(np.linalg.norm(direction)), 1e-9)

    def cosines(block: NDArray[np.float32]) -> NDArray[np.float64]:
        centred = block - centre
        return centred @ direction / np.maximum(np.linalg.norm(centred, axis=1), 1e-9)

    return others.map_blocks(cosines)
