"""Perceptual hashes of before, made anew from the pictures' bytes: hashes that were made in two ways do not compare."""

import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from regraft.errors import RegraftError
from regraft.identity import Digest
from regraft.pictures.limits import ANY_SIZE
from regraft.pictures.perceptual import is_outdated
from regraft.store.blobs import Blobs

if TYPE_CHECKING:
    from regraft.pictures.judge import Picture, Unfit

log = logging.getLogger("regraft")
COLUMNS = (("digest", "phash"), ("trusted_digest", "trusted_phash"))
"""The columns with a picture's digest and its hash, where a table has them."""


def with_current_hashes(table: pd.DataFrame, blobs: Blobs) -> pd.DataFrame:
    """Return a table with perceptual hashes as they are made today, where the pictures' bytes are in the store.

    The others stay as they are; links whose bytes are no picture by today's judgement lose their ETags, so that they
    are fetched and judged again. Each picture takes about a millisecond, once: whoever remembers the table has the new
    hashes from then on.
    """
    pairs = [pair for pair in COLUMNS if pair[1] in table]
    outdated = {digest: np.array([is_outdated(old) for old in table[phash]], dtype=bool) for digest, phash in pairs}
    digests = {digest for column, which in outdated.items() for digest in table[column][which]}
    if not digests:
        return table
    from regraft.pictures.judge import Picture, Unfit  # decoders, which hardly any run needs before it fetches

    log.info("hashing %d pictures anew: their perceptual hashes were made by an earlier Regraft", len(digests))
    findings = {digest: _judged(Digest(digest), blobs) for digest in digests}
    hashes = {digest: picture.phash for digest, picture in findings.items() if isinstance(picture, Picture)}
    table = table.copy()
    for digest, phash in pairs:
        table[phash] = table[digest].map(hashes).where(outdated[digest]).fillna(table[phash])
    if "etag" in table:
        unfit = [digest for digest, finding in findings.items() if isinstance(finding, Unfit)]
        table.loc[table["digest"].isin(unfit), ["etag", "last_modified"]] = ""
    return table


def _judged(digest: Digest, blobs: Blobs) -> "Picture | Unfit | None":
    """What the bytes of a digest are by today's judgement; None where they are not there."""
    from regraft.pictures.judge import judge

    try:
        return judge(blobs.read(digest), ANY_SIZE)
    except RegraftError:
        return None
