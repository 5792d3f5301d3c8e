"""The candidate on trial: measured as saved, against the oracle, its rivals and the champion, on held-out images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.config import Config, Normal
from regraft.errors import RegraftError, TrainingError
from regraft.heads import certainty, tutorial
from regraft.heads.head import Head
from regraft.heads.model import Extractor, extractor_of, head_of
from regraft.identity import Digest
from regraft.judging import classification as naming
from regraft.judging import gate as gates
from regraft.judging import metrics as evaluation
from regraft.judging.attribution import change
from regraft.judging.gate import Gate
from regraft.judging.metrics import Evaluation
from regraft.pipeline.bench import Bench as Run
from regraft.store import versions
from regraft.store.records import Attribution, MetricsRecord
from regraft.targets import bootstrap, oracle
from regraft.targets.categories import Categories
from regraft.targets.choice import target_of
from regraft.targets.lengths import Lengths as LengthTarget
from regraft.targets.target import Answers

Features = NDArray[np.float32]
Lengths = NDArray[np.float64]
SAME = 1e-3
"""A reloaded head may differ by this much, in cm or in a probability."""


@dataclass(frozen=True)
class Candidate:
    """A head on trial."""

    head: bytes
    """As it will be published."""
    trained: Answers
    """What it answered when it was trained, row by row of the manifest."""
    extractor: Extractor


def evaluate(
    manifest: pd.DataFrame, held_out: pd.DataFrame, misfiled: pd.DataFrame, candidate: Candidate, run: Run
) -> Evaluation:
    """Return the evaluation of a head, read again from the bytes that will be published.

    `held_out`, see `holdout`: the images to compare with the champion on. `misfiled`, see `misfiled.held_out`: what the
    test split lacks. Raises TrainingError where the reloaded head predicts anything else than the trained one did.
    """
    target, extractor = target_of(run.config), candidate.extractor
    saved = Head.from_bytes(candidate.head, target)
    features = extractor.features(manifest["digest"].tolist(), run.store)
    predicted = saved.predict(features)
    off = float(np.max(np.abs(predicted - candidate.trained)))
    if not off <= SAME:
        raise TrainingError(
            f"The saved head predicts otherwise than the trained one (by up to {off:g}); nothing was published."
        )
    predictions = target.predictions(manifest[["digest", "category", "split", "label"]], predicted)
    measured = _named(manifest, predictions, run) if target.names else _lengths(manifest, predictions, features, run)
    test = predictions[predictions["split"] == "test"]
    measured["misfiled"] = _with_misfiled(test, misfiled, saved, extractor, run) if len(misfiled) else {"n": 0}
    gate, because = _gate(held_out, manifest, saved, extractor, run)
    if measured["leak"] is not None and measured["leak"]["alarm"]:
        p = measured["leak"]["p"]
        why = f"Leak alarm: predictions know more of the labels than pictures can tell (p={p:.4f}). {gate.why}"
        gate = Gate(False, why, gate.champion)
    metrics = MetricsRecord(
        **measured, champion=gate.champion, attribution=because, promoted=gate.promoted, why=gate.why
    )
    sure = certainty.certainty(manifest, features, predicted, target)
    return Evaluation(predictions, metrics, held_out, sure.to_bytes())


def _lengths(manifest: pd.DataFrame, predictions: pd.DataFrame, features: Features, run: Run) -> dict[str, Any]:
    """How good lengths are on the test split: test, oracle, excess, against, leak of metrics.json."""
    config = run.config
    is_test = (manifest["split"] == "test").to_numpy()
    test = predictions[is_test]
    distributions = _distributions(config)
    best = _oracle(test, config)
    result = evaluation.metrics(test) | {"intervals": bootstrap.intervals(test, config.gate, config.seed)}
    for name, part in test.groupby("category"):
        spans = bootstrap.intervals(part, config.gate, config.seed)
        result["by_category"][str(name)]["intervals"] = {of: spans[of] for of in ("rmse", "mae", "bias")}
    rivals = _rivals(manifest, features, run)
    if best is not None:
        rivals["oracle"] = oracle.answers(manifest, distributions)
    shown = {name: lengths[is_test] for name, lengths in rivals.items()}
    label, ours = _arrays(test)
    leak = oracle.leak(test, distributions, config.seed) if best is not None else None
    return {
        "test": result | {"kind": "length"},
        "oracle": {"rmse": best.rmse, "mae": best.mae} if best else None,
        "excess": evaluation.excess(result["rmse"], best),
        "strays": _strays(predictions, distributions) if best else None,
        "rivals": evaluation.against(label, ours, shown, LengthTarget(), config.gate, config.seed),
        "leak": None if leak is None else {"p": leak, "alarm": leak <= oracle.LEAK},
    }


def _named(manifest: pd.DataFrame, predictions: pd.DataFrame, run: Run) -> dict[str, Any]:
    """How good named categories are on the test split: as `_lengths`, but an oracle would always be right."""
    config, target = run.config, Categories(run.config.named)
    is_test = (manifest["split"] == "test").to_numpy()
    test = predictions[is_test]
    rivals = {"shares": naming.shares(manifest, target)[is_test]}
    right, ours = target.truth(test), target.answers(test)
    return {
        "test": naming.metrics(test, target, config.gate, config.seed) | {"kind": "category"},
        "oracle": None,
        "excess": None,
        "rivals": evaluation.against(right, ours, rivals, target, config.gate, config.seed),
        "leak": None,
    }


def _strays(predictions: pd.DataFrame, distributions: Mapping[str, Normal | None]) -> dict[str, Any]:
    """How many test images are predicted nearer to another category's mean than to their own, and the excess without.

    They are left in everywhere else: most are pictures of something else that a list holds.
    """
    own = evaluation.distances(predictions).idxmin(axis=1) == predictions["category"]
    test = predictions["split"] == "test"
    rest = predictions[test & own]
    best = oracle.oracle(rest, distributions) if len(rest) else None
    excess = evaluation.excess(evaluation.metrics(rest)["rmse"], best) if best else None
    return {"n": int((test & ~own).sum()), "excess": excess}


def _with_misfiled(
    test: pd.DataFrame, misfiled: pd.DataFrame, saved: Head, extractor: Extractor, run: Run
) -> dict[str, Any]:
    """What the metrics would be if the misfiled pictures were in the test split still: n of them, and the whole's."""
    target = target_of(run.config)
    said = saved.predict(extractor.features(misfiled["digest"].tolist(), run.store))
    whole = pd.concat([test, target.predictions(misfiled, said)], ignore_index=True)
    if target.names:
        return {"n": len(misfiled), "accuracy": float((whole["prediction"] == whole["category"]).mean())}
    rmse = target.rmse(*_arrays(whole))
    return {"n": len(misfiled), "rmse": rmse, "excess": evaluation.excess(rmse, _oracle(whole, run.config))}


def _distributions(config: Config) -> dict[str, Normal | None]:
    return {name: category.label for name, category in config.categories.items()}


def _oracle(rows: pd.DataFrame, config: Config) -> oracle.Oracle | None:
    """The oracle of rows (digest, category, label) whose labels are all synthetic; None where some are real."""
    return oracle.oracle(rows, _distributions(config)) if oracle.are_synthetic(rows, config) else None


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
        "tutorial": Head(theirs, LengthTarget()).predict(features),
    }


def _gate(
    held_out: pd.DataFrame, manifest: pd.DataFrame, candidate: Head, extractor: Extractor, run: Run
) -> tuple[Gate, Attribution | None]:
    """The gate's decision on the holdout, and what made the difference, where that can be told.

    Images that the champion was trained on are left out. A champion that cannot be read any more cannot defend itself;
    one that answers another question is left to people.
    """
    target = target_of(run.config)
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
        digests: Sequence[Digest] = fair["digest"].tolist()
        defends = head_of(champion)
        if not target.is_comparable_with(defends.target):
            what, ours = defends.target.figures.answers, target.figures.answers
            why = f"Champion {champion.name} predicts {what}, this model {ours}; `regraft promote` changes over."
            return Gate(False, why), None
        theirs = defends.predict(extractor_of(champion).features(digests, run.store))
        theirs = target.aligned(theirs, defends.target)
    except RegraftError as error:
        return Gate(True, f"Champion {champion.name} can no longer predict: {error}"), None
    said = candidate.predict(extractor.features(digests, run.store))
    right = target.truth(fair)
    gate = gates.gate(champion.name, right, said, theirs, target, run.config.gate, run.config.seed)
    same = float(np.abs(said - theirs).max()) < gates.SAME
    because = None if same else change(champion, manifest, extractor.fingerprint, (fair, said), run)
    return gate, because


def _arrays(rows: pd.DataFrame) -> tuple[Lengths, Lengths]:
    return rows["label"].to_numpy(dtype=np.float64), rows["prediction"].to_numpy(dtype=np.float64)
