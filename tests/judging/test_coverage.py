"""How far intervals and sets may be trusted is measured on the test split, over all of it and by category."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from regraft.backbones.backbone import Features
from regraft.judging.coverage import certainty_results
from regraft.store import feature_rows
from regraft.store.feature_rows import ArrayRows
from regraft.targets.calibration import Calibration
from regraft.targets.categories import Categories
from regraft.targets.lengths import Lengths
from regraft.targets.target import Answers, Positions, Target
from tests.store.stored_backwards import StoredBackwards


@dataclass(frozen=True)
class Echo:
    """A head whose answers are the features; of lengths it knows the category as well if that is the second feature."""

    target: Target

    def predict(self, features: Features) -> Answers:
        return self.target.from_network(features[:, :1] if self.target.regresses_lengths else features)

    def likeliest_categories(self, features: Features) -> Positions | None:
        return features[:, 1].astype(np.int64) if features.shape[1] > 1 else None


@pytest.mark.parametrize("kind", [ArrayRows, StoredBackwards])
def test_lengths_are_held_by_intervals_as_wide_as_their_category_wants(
    kind: type[ArrayRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features are the answers themselves; the train image, which is far off, does not count. Both ends are held."""
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 4 * 3)  # three rows
    manifest = pd.DataFrame(
        {
            "category": ["cat", "cat", "tiger", "tiger", "tiger"],
            "split": ["test", "test", "test", "test", "train"],
            "label": [30.0, 60.0, 150.0, 80.0, 1000.0],
        }
    )
    answers = np.array([[40.0], [40], [100], [100], [100]], np.float32)
    calibration = Calibration(means=np.array([40.0, 100.0]), half_widths=np.array([10.0, 50.0]))
    results = certainty_results(manifest, kind(answers), Echo(Lengths()), Lengths(), calibration)
    assert (results.n, results.held, results.extent) == (4, 0.75, 60.0)
    assert (results.by_category["cat"].held, results.by_category["cat"].extent) == (0.5, 20.0)
    assert (results.by_category["tiger"].held, results.by_category["tiger"].extent) == (1.0, 100.0)


def test_an_interval_goes_by_the_likeliest_category_where_the_head_knows_it() -> None:
    manifest = pd.DataFrame({"category": ["cat", "tiger"], "split": "test", "label": [80.0, 80.0]})
    answers = np.array([[100.0, 0], [100.0, 1]], np.float32)
    calibration = Calibration(half_widths=np.array([10.0, 50.0]))
    results = certainty_results(manifest, ArrayRows(answers), Echo(Lengths()), Lengths(), calibration)
    assert (results.by_category["cat"].held, results.by_category["cat"].extent) == (0, 20.0)
    assert (results.by_category["tiger"].held, results.by_category["tiger"].extent) == (1, 100.0)


def test_sets_are_as_large_as_the_probabilities_are_undecided() -> None:
    target = Categories(("cat", "dog", "tiger"))
    manifest = pd.DataFrame({"category": ["cat", "cat", "tiger"], "split": "test"}).assign(label="")
    answers = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.05, 0.9, 0.05]], np.float32)
    results = certainty_results(manifest, ArrayRows(answers), Echo(target), target, Calibration(min_probability=0.15))
    assert results.held == pytest.approx(2 / 3)
    assert results.extent == pytest.approx(5 / 3)
    assert results.by_category["tiger"].held == 0


def test_a_category_that_the_model_has_never_seen_is_in_no_set() -> None:
    manifest = pd.DataFrame({"category": ["lion"], "split": "test", "label": "lion"})
    answers = np.array([[0.5, 0.5]], np.float32)
    target = Categories(("cat", "dog"))
    results = certainty_results(manifest, ArrayRows(answers), Echo(target), target, Calibration())
    assert results.held == 0
