"""Perceptual hashes of before, made anew from the pictures' bytes: hashes that were made in two ways do not compare."""

import logging

import numpy as np
import pandas as pd

from regraft.errors import RegraftError
from regraft.identity import Digest
from regraft.pictures.judge import Limits, Picture, judge
from regraft.pictures.perceptual import is_outdated
from regraft.store.blobs import Blobs

log = logging.getLogger("regraft")
COLUMNS = (("digest", "phash"), ("trusted_digest", "trusted_phash"))
"""The columns with a picture's digest and its hash, where a table has them."""
ANY_SIZE = Limits(min_side=1, max_pixels=1 << 62)
"""Its size is no reason not to hash a picture that a link is known for."""


def with_current_hashes(table: pd.DataFrame, blobs: Blobs) -> pd.DataFrame:
    """Return a table with perceptual hashes as they are made today, where the pictures' bytes are in the store.

    The others stay as they are. Each picture takes about a millisecond, once: whoever remembers the table has the new
    hashes from then on.
    """
    pairs = [pair for pair in COLUMNS if pair[1] in table]
    outdated = {digest: np.array([is_outdated(old) for old in table[phash]], dtype=bool) for digest, phash in pairs}
    digests = {digest for column, which in outdated.items() for digest in table.loc[which, column]}
    if not digests:
        return table
    log.info("hashing %d pictures anew: their perceptual hashes were made by an earlier Regraft", len(digests))
    hashes = {digest: phash for digest in digests if (phash := _hash_of(Digest(digest), blobs))}
    table = table.copy()
    for digest, phash in pairs:
        table[phash] = table[digest].map(hashes).where(outdated[digest]).fillna(table[phash])
    return table


def _hash_of(digest: Digest, blobs: Blobs) -> str:
    """A picture's perceptual hash; "" where its bytes are not there, or no picture to Regraft any more."""
    try:
        picture = judge(blobs.read(digest), ANY_SIZE)
    except RegraftError:
        return ""
    return picture.phash if isinstance(picture, Picture) else ""
