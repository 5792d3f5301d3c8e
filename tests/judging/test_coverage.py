"""How far intervals and sets may be trusted is measured on the test split, over all of it and by category."""

import numpy as np
import pandas as pd
import pytest

from regraft.judging.coverage import certainty_results
from regraft.store import feature_rows
from regraft.store.feature_rows import ArrayRows
from regraft.targets.calibration import Calibration
from regraft.targets.categories import Categories
from regraft.targets.lengths import Lengths
from tests.store.stored_backwards import StoredBackwards


@pytest.mark.parametrize("kind", [ArrayRows, StoredBackwards])
def test_lengths_are_held_by_intervals_as_wide_as_their_category_wants(
    kind: type[ArrayRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features are the answers themselves; the train image, which is far off, does not count."""
    monkeypatch.setattr(feature_rows, "BLOCK_BYTES", 4 * 3)  # three rows
    manifest = pd.DataFrame(
        {
            "category": ["cat", "cat", "tiger", "tiger", "tiger"],
            "split": ["test", "test", "test", "test", "train"],
            "label": [41.0, 60.0, 120.0, 80.0, 1000.0],
        }
    )
    answers = np.array([[40.0], [40], [100], [100], [100]], np.float32)
    calibration = Calibration(means=np.array([40.0, 100.0]), half_widths=np.array([10.0, 50.0]))
    results = certainty_results(manifest, kind(answers), lambda x: x[:, 0].astype(float), Lengths(), calibration)
    assert (results.n, results.held, results.extent) == (4, 0.75, 60.0)
    assert (results.by_category["cat"].held, results.by_category["cat"].extent) == (0.5, 20.0)
    assert (results.by_category["tiger"].held, results.by_category["tiger"].extent) == (1.0, 100.0)


def test_sets_are_as_large_as_the_probabilities_are_undecided() -> None:
    target = Categories(("cat", "dog", "tiger"))
    manifest = pd.DataFrame({"category": ["cat", "cat", "tiger"], "split": "test"}).assign(label="")
    answers = np.array([[0.9, 0.05, 0.05], [0.2, 0.5, 0.3], [0.05, 0.9, 0.05]], np.float32)
    results = certainty_results(
        manifest, ArrayRows(answers), lambda x: x.astype(float), target, Calibration(min_probability=0.15)
    )
    assert results.held == pytest.approx(2 / 3)
    assert results.extent == pytest.approx(5 / 3)
    assert results.by_category["tiger"].held == 0


def test_a_category_that_the_model_has_never_seen_is_in_no_set() -> None:
    manifest = pd.DataFrame({"category": ["lion"], "split": "test", "label": "lion"})
    answers = np.array([[0.5, 0.5]], np.float32)
    results = certainty_results(
        manifest, ArrayRows(answers), lambda x: x.astype(float), Categories(("cat", "dog")), Calibration()
    )
    assert results.held == 0
