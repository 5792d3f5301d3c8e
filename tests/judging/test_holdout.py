"""The holdout only grows: what was held out once is held out still, if it may and can be."""

import pandas as pd
import pytest

from regraft.config import ScreenSettings, SplitSettings
from regraft.dataset.honouring import Rulings
from regraft.identity import Digest
from regraft.judging.holdout import COLUMNS, holdout
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.targets.categories import Categories
from regraft.targets.labelling import Labelling
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from tests.dataset.decided import decision
from tests.targets.worlds import DISTRIBUTIONS

LABELLING = Labelling(Lengths(), SyntheticLabels(DISTRIBUTIONS, 0), SplitSettings(test=0.49))
FAR_APART = ("0000000000000000", "ffffffffffffffff", "00000000ffffffff", "ffffffff00000000", "0f0f0f0f0f0f0f0f")
"""Perceptual hashes of pictures that are no near-duplicates."""


@pytest.fixture
def earlier(store: Store) -> pd.DataFrame:
    """Five cats that an earlier version held out, in the store with their bytes."""
    digests = [store.blobs.put(f"cat {i}".encode()) for i in range(60)]
    held_out = [digest for digest in digests if LABELLING.is_test("cat", digest)][:5]
    rows = pd.DataFrame({"digest": held_out, "category": "cat", "phash": FAR_APART, "label": 40.0})
    versions.publish(store, "20260101T000000Z", {"holdout.parquet": parquet(rows), "run.json": b"{}"})
    return rows


def manifest(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Images that this run has: (digest, split, phash)."""
    table = pd.DataFrame(rows, columns=["digest", "split", "phash"])
    return table.assign(category="cat", label=40.0).astype({"digest": str, "split": str, "phash": str})


NOTHING = manifest()
NO_LINKS = pd.DataFrame({"digest": [], "verdict": []}, dtype=str)


def digests(store: Store, images: pd.DataFrame, links: pd.DataFrame = NO_LINKS, by: Labelling = LABELLING) -> list[str]:
    table = holdout(images, links, by, ScreenSettings(), store)
    assert list(table.columns) == COLUMNS
    return table["digest"].tolist()


def test_the_first_holdout_is_the_test_split(store: Store) -> None:
    images = manifest(("a", "test", FAR_APART[0]), ("b", "train", FAR_APART[1]))
    assert digests(store, images) == ["a"]


def test_images_are_held_out_still_when_their_links_are_gone(store: Store, earlier: pd.DataFrame) -> None:
    images = manifest(("new", "test", "5555555555555555"))
    assert digests(store, images) == ["new", *earlier["digest"]]


def test_an_image_that_this_run_has_stands_there_once(store: Store, earlier: pd.DataFrame) -> None:
    again = earlier["digest"].iloc[2]
    assert sorted(digests(store, manifest((again, "test", FAR_APART[2])))) == sorted(earlier["digest"])
    assert again not in digests(store, manifest((again, "train", FAR_APART[2])))


def test_what_an_owner_opted_out_of_and_what_has_no_bytes_is_held_out_no_more(
    store: Store, earlier: pd.DataFrame
) -> None:
    opted_out, lost, *others = earlier["digest"]
    store.blobs.at(Digest(lost)).delete()
    links = pd.DataFrame({"digest": [opted_out, others[0]], "verdict": ["junk", "dead"]})
    assert digests(store, NOTHING, links) == others


def test_near_duplicates_of_training_images_are_held_out_no_more(store: Store, earlier: pd.DataFrame) -> None:
    twin, *others = earlier["digest"]
    assert digests(store, manifest(("twin", "train", "0000000000000007"))) == others
    assert twin in digests(store, manifest(("stranger", "train", "3333333333333333")))


def test_a_category_that_the_job_has_no_more_is_held_out_no_more(store: Store, earlier: pd.DataFrame) -> None:
    tigers = Labelling(Lengths(), SyntheticLabels({"tiger": DISTRIBUTIONS["tiger"]}, 0), SplitSettings(test=0.49))
    assert digests(store, NOTHING, by=tigers) == []


def test_labels_are_those_of_todays_job(store: Store, earlier: pd.DataFrame) -> None:
    drawn = holdout(NOTHING, NO_LINKS, LABELLING, ScreenSettings(), store)
    assert drawn["label"].tolist() == [LABELLING.synthetic.length("cat", digest) for digest in earlier["digest"]]
    real = Labelling(Lengths(), SyntheticLabels({"cat": None}, 0), SplitSettings(test=0.49))
    assert holdout(NOTHING, NO_LINKS, real, ScreenSettings(), store)["label"].tolist() == [40.0] * 5
    named = Labelling(Categories(("cat", "tiger")), LABELLING.synthetic, SplitSettings(test=0.49))
    categories = NOTHING.astype({"label": str})
    assert holdout(categories, NO_LINKS, named, ScreenSettings(), store)["label"].tolist() == ["cat"] * 5


def test_what_a_person_decided_holds_for_images_whose_links_are_gone(store: Store, earlier: pd.DataFrame) -> None:
    rejected, moved, *others = earlier["digest"]
    tiger = next(digest for digest in (moved, *others) if LABELLING.is_test("tiger", digest))
    decisions = [decision("reject", rejected), decision("move", tiger, to_category="tiger")]
    rulings = Rulings(decisions, ("cat", "tiger"))
    held_out = holdout(NOTHING, NO_LINKS, LABELLING, ScreenSettings(), store, rulings).set_index("digest")
    assert set(held_out.index) == {moved, *others}
    assert held_out.loc[tiger, "category"] == "tiger"
    assert held_out.loc[tiger, "label"] == LABELLING.synthetic.length("tiger", tiger)
    assert (held_out["category"] == "cat").sum() == 3
