"""The candidate on trial: measured as saved, against the oracle and the champion, on the same held-out images."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft import backbones, evaluation, labels, versions
from regraft.config import BackboneSettings, Config
from regraft.embedding import embed, lookup
from regraft.errors import RegraftError, TrainingError
from regraft.evaluation import Evaluation, Gate
from regraft.head import Head
from regraft.run import Run
from regraft.store import Store

SAME_CM = 1e-3
"""A reloaded head may differ by this much, in cm."""


def evaluate(
    manifest: pd.DataFrame, features: NDArray[np.float32], head: bytes, trained: NDArray[np.float64], run: Run
) -> Evaluation:
    """Return the evaluation of a head, read again from the bytes that will be published.

    `features` (N, D) and `trained` (N,), what the head predicted when it was trained, follow the manifest's rows.
    Raises TrainingError where the reloaded head predicts anything else.
    """
    config = run.config
    saved = Head.from_bytes(head).predict(features)
    off = float(np.max(np.abs(saved - trained)))
    if not off <= SAME_CM:
        raise TrainingError(
            f"The saved head predicts other lengths than the trained one (up to {off:g} cm); nothing was published."
        )
    predictions = manifest[["digest", "category", "split", "label"]].assign(prediction=saved)
    test = predictions[predictions["split"] == "test"]
    distributions = {name: category.label for name, category in config.categories.items()}
    best = labels.oracle(test, distributions) if labels.are_synthetic(test, config) else None
    result = evaluation.metrics(test)
    gate = against_champion(test, config, run.store)
    metrics = {
        "test": result,
        "oracle": {"rmse": best.rmse, "mae": best.mae} if best else None,
        "excess": evaluation.excess(result["rmse"], best),
        "champion": gate.champion,
        "promoted": gate.promoted,
        "why": gate.why,
    }
    return Evaluation(predictions, metrics)


def against_champion(test: pd.DataFrame, config: Config, store: Store) -> Gate:
    """Return the gate's decision on test predictions (digest, label, prediction).

    Images that the champion was trained on are left out. A champion that cannot be read any more cannot defend itself.
    """
    champion = versions.champion(store)
    if champion is None:
        return Gate(True, "There was no champion yet.")
    try:
        trained = champion.table("manifest.parquet")
        seen = set(trained.loc[trained["split"] != "test", "digest"])
        fair = test[~test["digest"].isin(seen)]
        if len(fair) < 2:
            return Gate(False, f"Champion {champion.name} was trained on these images; there is nothing to compare on.")
        theirs = champion_predictions(champion, fair["digest"].tolist(), store)
    except RegraftError as error:
        return Gate(True, f"Champion {champion.name} can no longer predict: {error}")
    label, ours = fair["label"].to_numpy(), fair["prediction"].to_numpy()
    return evaluation.gate(champion.name, label, ours, theirs, config.gate, config.seed)


def champion_predictions(champion: versions.Version, digests: list[str], store: Store) -> Any:
    """Return a version's predictions in cm, (N,), for images of the store."""
    told = champion.json("run.json")
    settings = BackboneSettings.model_validate(told["config"]["backbone"])
    try:
        features = lookup(digests, told["fingerprint"], store)
    except KeyError:
        backbone = backbones.load(settings.name, settings.weights)
        embed(digests, backbone, store, settings.batch, lambda _: None)
        features = lookup(digests, backbone.fingerprint, store)
    return Head.from_bytes(champion.read("head.keras")).predict(features)
