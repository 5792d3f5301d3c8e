"""The candidate on trial: measured as saved, against the oracle, its rivals and the champion, on held-out images."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft import bootstrap, certainty, evaluation, labels, tutorial, versions
from regraft.change import change
from regraft.errors import RegraftError, TrainingError
from regraft.evaluation import Evaluation, Gate
from regraft.head import Head
from regraft.model import Extractor, extractor_of, head_of
from regraft.run import Run

Features = NDArray[np.float32]
Lengths = NDArray[np.float64]
SAME_CM = 1e-3
"""A reloaded head may differ by this much, in cm."""


def evaluate(
    manifest: pd.DataFrame, held_out: pd.DataFrame, head: bytes, trained: Lengths, extractor: Extractor, run: Run
) -> Evaluation:
    """Return the evaluation of a head, read again from the bytes that will be published.

    `held_out`, see `holdout`: the images to compare with the champion on. `trained` (N,), what the head predicted when
    it was trained, follows the manifest's rows. Raises TrainingError where the reloaded head predicts anything else.
    """
    config = run.config
    saved, features = Head.from_bytes(head), extractor.features(manifest["digest"].tolist(), run.store)
    predicted = saved.predict(features)
    off = float(np.max(np.abs(predicted - trained)))
    if not off <= SAME_CM:
        raise TrainingError(
            f"The saved head predicts other lengths than the trained one (up to {off:g} cm); nothing was published."
        )
    predictions = manifest[["digest", "category", "split", "label"]].assign(prediction=predicted)
    is_test = (manifest["split"] == "test").to_numpy()
    test = predictions[is_test]
    distributions = {name: category.label for name, category in config.categories.items()}
    synthetic = labels.are_synthetic(test, config)
    best = labels.oracle(test, distributions) if synthetic else None
    result = evaluation.metrics(test) | {"intervals": bootstrap.intervals(test, config.gate, config.seed)}
    for name, part in test.groupby("category"):
        spans = bootstrap.intervals(part, config.gate, config.seed)
        result["by_category"][str(name)]["intervals"] = {of: spans[of] for of in ("rmse", "mae", "bias")}
    rivals = _rivals(manifest, features, run)
    if best is not None:
        rivals["oracle"] = labels.answers(manifest, distributions)
    shown = {name: lengths[is_test] for name, lengths in rivals.items()}
    label, ours = _arrays(test)
    leak = labels.leak(test, distributions, config.seed) if synthetic else None
    gate, because = _gate(held_out, manifest, saved, extractor, run)
    if leak is not None and leak <= labels.LEAK:
        why = f"Leak alarm: predictions know more of the labels than pictures can tell (p={leak:.4f}). {gate.why}"
        gate = Gate(False, why, gate.champion)
    metrics = {
        "test": result,
        "oracle": {"rmse": best.rmse, "mae": best.mae} if best else None,
        "excess": evaluation.excess(result["rmse"], best),
        "against": evaluation.against(label, ours, shown, config.gate, config.seed),
        "leak": None if leak is None else {"p": leak, "alarm": leak <= labels.LEAK},
        "champion": gate.champion,
        "change": because,
        "promoted": gate.promoted,
        "why": gate.why,
    }
    sure = certainty.certainty(manifest, features, predicted)
    return Evaluation(predictions, metrics, held_out, sure.to_bytes())


def _rivals(manifest: pd.DataFrame, features: Features, run: Run) -> dict[str, Lengths]:
    """What cheaper or older ways predict of all N images: the mean, each category's mean, the tutorial's head."""
    label = manifest["label"].to_numpy(dtype=np.float64)
    fits, chooses = ((manifest["split"] == split).to_numpy() for split in ("train", "validation"))
    means = manifest[fits].groupby("category")["label"].mean()
    keras.utils.set_random_seed(run.config.seed)
    theirs, _ = tutorial.fit(features, label, fits, chooses)
    return {
        "mean": np.full(len(label), label[fits].mean()),
        "category_mean": manifest["category"].map(means).to_numpy(dtype=np.float64),
        "tutorial": Head(theirs).predict(features),
    }


def _gate(
    held_out: pd.DataFrame, manifest: pd.DataFrame, candidate: Head, extractor: Extractor, run: Run
) -> tuple[Gate, Mapping[str, Any] | None]:
    """The gate's decision on the holdout, and what made the difference, where that can be told.

    Images that the champion was trained on are left out. A champion that cannot be read any more cannot defend itself.
    """
    champion = versions.champion(run.store)
    if champion is None:
        return Gate(True, "There was no champion yet."), None
    try:
        trained = champion.table("manifest.parquet")
        seen = set(trained.loc[trained["split"] != "test", "digest"])
        fair = held_out[~held_out["digest"].isin(seen)]
        if len(fair) < 2:
            why = f"Champion {champion.name} was trained on these images; there is nothing to compare on."
            return Gate(False, why), None
        digests: Sequence[str] = fair["digest"].tolist()
        theirs = head_of(champion).predict(extractor_of(champion).features(digests, run.store))
    except RegraftError as error:
        return Gate(True, f"Champion {champion.name} can no longer predict: {error}"), None
    ours = candidate.predict(extractor.features(digests, run.store))
    label = fair["label"].to_numpy(dtype=np.float64)
    gate = evaluation.gate(champion.name, label, ours, theirs, run.config.gate, run.config.seed)
    same = float(np.abs(ours - theirs).max()) < evaluation.SAME_CM
    because = None if same else change(champion, manifest, extractor.fingerprint, (fair, ours), run)
    return gate, asdict(because) if because else None


def _arrays(rows: pd.DataFrame) -> tuple[Lengths, Lengths]:
    return rows["label"].to_numpy(dtype=np.float64), rows["prediction"].to_numpy(dtype=np.float64)
