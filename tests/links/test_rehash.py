"""Perceptual hashes of an earlier Regraft are made anew before anything is compared with them."""

from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from regraft.identity import Digest
from regraft.links.memory import MEMORY
from regraft.links.merge import merged
from regraft.links.rehash import with_current_hashes
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.judge import Picture, judge
from regraft.pictures.limits import Limits
from regraft.pictures.perceptual import is_outdated
from regraft.store.store import Store
from regraft.store.tables import no_rows
from tests.links.checks import FIRST_DAY, LINK, PHOTO, reason
from tests.pictures.jpegs import lossless

CAT = drawing("cat", 1)
OF_BEFORE = "f" + "0" * 15
"""A hash whose first bit is 1, as it was in all hashes that were made of smaller pictures and with the median."""


def hash_of(data: bytes) -> str:
    picture = judge(data, Limits())
    assert isinstance(picture, Picture)
    return picture.phash


def remembered(digest: Digest) -> pd.DataFrame:
    """A link that an earlier Regraft saw showing a picture."""
    listed = pd.DataFrame({"url": [LINK], "category": ["cat"]})
    finding = replace(PHOTO, digest=digest, phash=OF_BEFORE)
    nothing = no_rows(MEMORY)
    return merged(listed, [finding], nothing, now=FIRST_DAY, since=FIRST_DAY, near=10)


@pytest.mark.parametrize("mode", ["RGB", "L", "1"])
def test_hashes_of_today_are_told_from_those_of_before(mode: str) -> None:
    for image in (CAT.convert(mode), Image.eval(CAT.convert("L"), lambda value: 255 - value)):
        assert not is_outdated(hash_of(encoded(image, "PNG")))
    assert is_outdated(OF_BEFORE)
    assert not is_outdated("")


def test_a_picture_of_before_is_hashed_anew_and_its_link_is_not_replaced(store: Store) -> None:
    data = encoded(CAT, "PNG")
    known = with_current_hashes(remembered(store.blobs.put(data)), store.blobs)
    assert known["phash"].tolist() == known["trusted_phash"].tolist() == [hash_of(data)]
    resaved = encoded(CAT, "JPEG")
    finding = replace(PHOTO, digest=store.blobs.put(resaved), phash=hash_of(resaved))
    now = merged(known[["url", "category"]], [finding], known, now=FIRST_DAY, since=FIRST_DAY, near=10)
    assert now["replaced_at"].isna().all()
    assert reason(now) == ""


def test_a_hash_stays_where_the_bytes_are_gone_or_where_it_is_of_today(store: Store) -> None:
    gone = remembered(Digest("d" * 64))
    assert with_current_hashes(gone, store.blobs)["phash"].tolist() == [OF_BEFORE]
    current = gone.assign(phash="0" * 16, trusted_phash="")
    assert with_current_hashes(current, store.blobs) is current


def test_a_link_whose_picture_was_judged_too_mildly_is_fetched_again(store: Store) -> None:
    known = with_current_hashes(remembered(store.blobs.put(lossless(40))), store.blobs)
    assert known["etag"].tolist() == [""]
    assert known["phash"].tolist() == [OF_BEFORE]
