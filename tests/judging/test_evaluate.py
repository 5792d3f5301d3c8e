"""The holdout outlives its links, and what changed the error is told apart."""

import pandas as pd
import pytest

from regraft.config import Config
from regraft.judging.holdout import holdout
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.targets.labelling import Labelling

pytestmark = pytest.mark.tensorflow


def test_what_was_held_out_is_held_out_still_when_its_link_is_gone(first: Version, config: Config) -> None:
    manifest, links = first.table("manifest.parquet"), first.table("links.parquet")
    held = first.table("holdout.parquet")
    assert set(held["digest"]) == set(manifest["digest"][manifest["split"] == "test"])
    gone = held["digest"].iloc[0]
    left = manifest[manifest["digest"] != gone]
    now = holdout(left, links[links["digest"] != gone], Labelling.of(config), config.screen, Store(config.store))
    pd.testing.assert_frame_equal(
        now.sort_values("digest", ignore_index=True), held.sort_values("digest", ignore_index=True)
    )
    opted_out = links.assign(verdict=links["verdict"].mask(links["digest"] == gone, "junk"))
    left = holdout(left, opted_out, Labelling.of(config), config.screen, Store(config.store))
    assert gone not in set(left["digest"])


def test_near_duplicates_of_training_images_are_held_out_no_more(first: Version, config: Config) -> None:
    manifest, links = first.table("manifest.parquet"), first.table("links.parquet")
    gone = manifest[manifest["split"] == "test"].iloc[0]
    twin = manifest[manifest["split"] == "train"].iloc[[0]].assign(digest="f" * 64, phash=gone["phash"])
    is_left = manifest["digest"] != gone["digest"]
    left = pd.concat([manifest[is_left], twin], ignore_index=True)
    now = holdout(
        left, links[links["digest"] != gone["digest"]], Labelling.of(config), config.screen, Store(config.store)
    )
    assert gone["digest"] not in set(now["digest"])


@pytest.mark.usefixtures("prefect_server")
def test_a_worse_candidate_is_not_promoted_and_its_loss_of_data_is_named(
    first: Version, config: Config, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A candidate by the tutorial's recipe loses against the champion, on the champion's own holdout."""
    from regraft.flows.refresh import refresh

    worse = config.model_copy(update={"head": config.head.model_copy(update={"preset": "tutorial"})})
    second = versions.version(first.store, refresh(worse))
    metrics = second.metrics
    assert not metrics.promoted
    assert "worse than champion" in metrics.why or "too small" in metrics.why
    assert metrics.champion is not None
    assert metrics.champion.n == len(second.table("holdout.parquet"))
    attribution = metrics.attribution
    assert attribution is not None
    assert attribution.lost_data == 0
    assert attribution.lost_data + attribution.changed_data == pytest.approx(metrics.champion.difference)
    assert set(metrics.rivals) == {"oracle", "mean", "category_mean", "tutorial"}
    assert metrics.leak is not None
    assert not metrics.leak.alarm
