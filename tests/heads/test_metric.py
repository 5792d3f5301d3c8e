"""What the backbone's own classifier adds to what a few pictures say."""

import numpy as np
import pytest

from regraft.heads.metric import MixedRows, metric_of
from regraft.heads.moments import ScaledRows, scale_of
from regraft.store.feature_rows import ArrayRows

EVERY = np.arange(300)


def drawn(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features, (300, 40), and a classifier of seven kinds, (40, 7)."""
    random = np.random.default_rng(seed)
    features = random.normal(2, random.uniform(0.1, 3, 40), (300, 40)).astype(np.float32)
    return features, random.normal(0, 1, (40, 7)).astype(np.float32)


def test_products_in_the_metric_count_features_and_answers() -> None:
    features, classifier = drawn()
    scale, rows = scale_of(ArrayRows(features), EVERY), ArrayRows(features)
    x = ScaledRows(rows, scale)
    mixed = MixedRows(x, metric_of(x, EVERY, scale.weights_of_scaled(classifier))).read(EVERY)
    answers = MixedRows(rows, classifier)
    both = np.hstack([x.read(EVERY), ScaledRows(answers, scale_of(answers, EVERY)).read(EVERY)])
    assert mixed @ mixed.T == pytest.approx(both @ both.T, rel=1e-3, abs=1e-3)


def test_the_scale_of_the_classifier_does_not_matter() -> None:
    features, classifier = drawn()
    metrics = [metric_of(ArrayRows(features), EVERY, times * classifier) for times in (1, 1000)]
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-3, abs=1e-4)


def test_a_classifier_that_answers_nothing_changes_nothing() -> None:
    features, classifier = drawn()
    assert metric_of(ArrayRows(features), EVERY, 0 * classifier) == pytest.approx(np.eye(40))


@pytest.mark.tensorflow
def test_few_pictures_are_classified_better_with_what_the_backbone_knew() -> None:
    from regraft.config import HeadSettings
    from regraft.heads.training import train
    from regraft.targets.categories import Categories
    from regraft.targets.labels import SyntheticLabels
    from tests.heads.synthetic import tigers_and_cats

    random = np.random.default_rng(1)
    manifest, _ = tigers_and_cats(300)
    is_tiger = (manifest["category"] == "tiger").to_numpy()
    features = random.normal(0, 1, (600, 200)).astype(np.float32)
    classifier = random.normal(0, 1, (200, 5)).astype(np.float32)
    features += np.where(is_tiger, 0.1, -0.1)[:, None] * classifier[:, 0].astype(np.float32)
    few = np.flatnonzero(np.arange(600) % 20 == 0)
    learnt = manifest.iloc[few].assign(label=manifest["category"].iloc[few], split="train")
    learnt.loc[learnt.index[::5], "split"] = "validation"
    target, settings = Categories(("cat", "tiger")), HeadSettings(target="category")
    nothing_drawn = SyntheticLabels(dict.fromkeys(("cat", "tiger")), 0)
    hits = []
    for known in (None, classifier):
        head = train(learnt, ArrayRows(features[few]), target, settings, nothing_drawn, 0, known).head
        rest = np.setdiff1d(np.arange(600), few)
        hits.append(float(((head.predict(features[rest])[:, 1] > 0.5) == is_tiger[rest]).mean()))

    assert hits[1] > hits[0] + 0.02
