"""Why a candidate's error differs from the champion's: lost data, changed data, or training's own noise.

Heads are small and features are kept, so the question is answered by training again: once on the champion's images,
once on those of them that are left, once more with another seed.
"""

import pandas as pd

from regraft.backbones.embedding import lookup
from regraft.errors import RegraftError
from regraft.heads import head
from regraft.pipeline.bench import Bench as Run
from regraft.store import versions
from regraft.store.records import Attribution
from regraft.targets.choice import target_of
from regraft.targets.target import Answers


def change(
    champion: versions.Version,
    manifest: pd.DataFrame,
    fingerprint: str,
    held_out: tuple[pd.DataFrame, Answers],
    run: Run,
) -> Attribution | None:
    """Return the split of the difference: lost and changed data add up to the whole of it.

    None where the champion's features are not to be compared any more.

    `held_out`: the holdout (digest, category, label) and the candidate's answers to it.
    """
    theirs = champion.table("manifest.parquet")
    if champion.run.backbone_fingerprint != fingerprint:
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
    return Attribution(
        lost_data=rest - whole,
        changed_data=target.rmse(right, predicted) - rest,
        training_noise=abs(other - whole),
    )
