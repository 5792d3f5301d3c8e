"""Why a candidate's error differs from the champion's: lost data, changed data, or training's own noise.

Heads are small and features are kept, so the question is answered by training again: once on the champion's images,
once on those of them that are left, once more with another seed.
"""

from dataclasses import dataclass

import pandas as pd

from regraft.backbones.embedding import lookup
from regraft.errors import RegraftError
from regraft.heads import head
from regraft.pipeline.run import Run
from regraft.store import versions
from regraft.targets.choice import target_of
from regraft.targets.target import Answers


@dataclass(frozen=True)
class Change:
    """What moved the error on the holdout, RMSE in cm or of probabilities.

    Lost and changed data add up to the whole difference.
    """

    lost_data: float
    """Of a head trained on the champion's images that are left, against one trained on all of them."""
    changed_data: float
    """Of the candidate, with new images, new labels and today's settings, against that head."""
    training_noise: float
    """How far another training seed alone moves a head trained on the champion's images."""


def change(
    champion: versions.Version,
    manifest: pd.DataFrame,
    fingerprint: str,
    held_out: tuple[pd.DataFrame, Answers],
    run: Run,
) -> Change | None:
    """Return the split of the difference; None where the champion's features are not to be compared any more.

    `held_out`: the holdout (digest, category, label) and the candidate's answers to it.
    """
    theirs = champion.table("manifest.parquet")
    if champion.json("run.json")["fingerprint"] != fingerprint:
        return None
    rows, predicted = held_out
    target = target_of(run.config)
    right = target.truth(rows)
    left = theirs[theirs["digest"].isin(set(manifest["digest"]))]
    try:
        features = lookup(rows["digest"].tolist(), fingerprint, run.store)

        def trained_on(images: pd.DataFrame, seed: int) -> float:
            known = lookup(images["digest"].tolist(), fingerprint, run.store)
            again = head.train(images, known, run.config.head, seed)
            return target.rmse(right, target.aligned(again.head.predict(features), again.head.target))

        seed = run.config.seed
        whole = trained_on(theirs, seed)
        rest = whole if len(left) == len(theirs) else trained_on(left, seed)
        other = trained_on(theirs, seed + 1)
    except (KeyError, RegraftError, ValueError):  # features pruned, or too few images left to train on
        return None
    return Change(rest - whole, target.rmse(right, predicted) - rest, abs(other - whole))
