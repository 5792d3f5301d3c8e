"""The gate under drift: of a list 5% is lost and 5% gained, and the new head is judged against the old one.

How many of such pairs are promoted, and how many called worse, on the test splits of both; neither should be much more
than chance. Splits are a run's own, so an image stays in its split. Nothing was chosen on these draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from photographs import Photographs
from trained import trained

from regraft.config import GateSettings, Normal, SplitSettings
from regraft.dataset.labels import label_of
from regraft.dataset.splits import splits_of
from regraft.heads.head import Head
from regraft.judging.gate import Gate, gate
from regraft.targets.categories import Categories
from regraft.targets.labels import SyntheticLabels
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target

DRAWS = 200
"""Pairs."""
SIZE = 400
CHANGED = 20
"""Images that are lost, and as many that are gained."""
DISTRIBUTIONS = {"tiger": Normal(mean=100, std=30, min=20), "cat": Normal(mean=40, std=8, min=10)}


@dataclass(frozen=True)
class Lesson:
    """What heads are to learn of all photographs."""

    target: Target
    features: NDArray[np.float32]
    """(N, D)"""
    label: NDArray[np.float64] | None
    """(N,) real lengths in cm; None where lengths are drawn, or the category is the label."""


def lines(pictures: Photographs, draws: int) -> Iterator[str]:
    yield f"{'':18}{'images':>8}{'pairs':>8}{'promoted':>10}{'called worse':>14}"
    lessons = {
        "drawn lengths": Lesson(Lengths(), pictures.features, None),
        "zoom": Lesson(Lengths(), pictures.zoomed, 100 * pictures.zoom),
        "categories": Lesson(Categories(("cat", "tiger")), pictures.features, None),
    }
    for name, lesson in lessons.items():
        decisions = [_decision(pictures, lesson, seed) for seed in range(draws)]
        promoted = np.mean([decision.promoted for decision in decisions])
        worse = np.mean(["Measurably worse" in decision.why for decision in decisions])
        yield f"{name:18}{SIZE:8}{draws:8}{promoted:10.1%}{worse:14.1%}"


def _decision(pictures: Photographs, lesson: Lesson, seed: int) -> Gate:
    """The gate's decision on a head that was trained after the drift, against the one of before."""
    order = np.random.default_rng(seed).permutation(len(pictures.digest))
    before, after = order[:SIZE], order[CHANGED : SIZE + CHANGED]
    both = _manifest(pictures, lesson, order[: SIZE + CHANGED], seed)
    champion, candidate = (_head(both[both.index.isin(rows)], lesson, seed) for rows in (before, after))
    held = both[both["split"] == "test"]
    ours, theirs = (
        lesson.target.errors(held, head.predict(lesson.features[held.index])).squared for head in (candidate, champion)
    )
    return gate("before", ours, theirs, lesson.target.wording, GateSettings(), seed)


def _manifest(pictures: Photographs, lesson: Lesson, rows: NDArray[np.int64], seed: int) -> pd.DataFrame:
    """digest, category, split and label of some photographs, whose rows are the index."""
    manifest = pd.DataFrame({"digest": pictures.digest[rows], "category": pictures.category[rows]}, index=rows)
    manifest["cluster"] = manifest["digest"]
    manifest["split"] = splits_of(manifest, SplitSettings(), seed)
    if lesson.label is not None:
        manifest["label"] = lesson.label[rows]
    elif lesson.target.regresses_lengths:
        keys = zip(manifest["category"], manifest["digest"], strict=True)
        manifest["label"] = [label_of(DISTRIBUTIONS[category], seed, category, digest) for category, digest in keys]
    else:
        manifest["label"] = manifest["category"]
    return manifest


def _head(manifest: pd.DataFrame, lesson: Lesson, seed: int) -> Head:
    drawn = lesson.target.regresses_lengths and lesson.label is None
    synthetic = SyntheticLabels(dict(DISTRIBUTIONS) if drawn else dict.fromkeys(DISTRIBUTIONS), seed)
    x = lesson.features[manifest.index]
    return trained(manifest.reset_index(drop=True), x, lesson.target, synthetic, seed).head
