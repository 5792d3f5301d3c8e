"""Finds the newest version's model again, where nothing that it is made from has changed.

On an unchanged web a run then needs neither TensorFlow nor the backbone: the same images, settings, weights and
libraries give the same head to the bit, and the same head errs the same on the same images.
"""

import hashlib
import json
import logging

import pandas as pd

from regraft.backbones.weights import weights_source
from regraft.config import Config
from regraft.errors import DamagedVersionError, RegraftError
from regraft.identity import Digest
from regraft.judging.evaluation import Evaluation
from regraft.judging.gate import gate
from regraft.pipeline.provenance import commit, libraries
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.targets.choice import target_of

log = logging.getLogger("regraft")
MODEL_SETTINGS = {"seed", "device", "screen", "split", "backbone", "head", "tune", "gate"}
"""The parts of the config that a model and its evaluation depend on; of the categories it is the labels."""
MODEL_FILES = ("head.keras", "predictions.parquet", "holdout.parquet", "certainty.npz", "metrics.json", "backbone.npz")
"""The files of a version that are taken over with its model, where it has them."""


def model_fingerprint(manifest: pd.DataFrame, config: Config) -> Digest:
    """Return the SHA-256 of all that a model is made from: images, settings, weights, libraries, code.

    Of an image its label, split and cluster count. Raises BackboneError where the backbone's weights are missing.
    """
    settings = config.model_dump(mode="json")
    parts = {name: settings[name] for name in MODEL_SETTINGS}
    parts["labels"] = {name: category["label"] for name, category in settings["categories"].items()}
    parts["weights"] = weights_source(config.backbone.name, config.backbone.weights)
    parts["libraries"], parts["code"] = libraries(), commit()
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for image in manifest[["digest", "category", "cluster", "split", "label"]].itertuples(index=False, name=None):
        fingerprint.update(f"{image!r}\n".encode())
    return Digest(fingerprint.hexdigest())


def reusable_version(manifest: pd.DataFrame, config: Config, store: Store) -> Version | None:
    """Return the newest version where its model would come out the same, and is whole; None where not."""
    published = versions.names(store)
    if not published:
        return None
    newest = Version(store, published[-1])
    try:
        if newest.run.model_fingerprint != model_fingerprint(manifest, config) or "head.keras" not in newest.digests:
            return None
        for file in filter(newest.has, MODEL_FILES):
            newest.read(file)
    except DamagedVersionError as error:
        log.warning("The newest version's model is not used again: %s", error)
        return None
    except RegraftError:
        return None
    return newest


def standing_evaluation(version: Version, holdout: pd.DataFrame, config: Config) -> Evaluation | None:
    """Return the evaluation of a version's model where it still stands; None where it has to be measured anew.

    It stands on the same holdout, and against the champion that it was compared with. Where the version has become
    champion itself, it is compared with itself: that is no gain.
    """
    try:
        champion, metrics = versions.champion(version.store), version.metrics
    except DamagedVersionError:
        return None
    if champion is None or not version.table("holdout.parquet").equals(holdout):
        return None
    predictions = version.table("predictions.parquet")
    if champion.name == version.name:
        held_out = holdout[["digest"]].merge(predictions, on="digest")
        if len(held_out) != len(holdout):
            return None
        target = target_of(config)
        errors = target.errors_of(held_out).squared
        decision = gate(champion.name, errors, errors, target.wording, config.gate, config.seed)
        decided = {"champion": decision.comparison, "promoted": decision.promoted, "why": decision.why}
        metrics = metrics.model_copy(update={**decided, "attribution": None})
    elif metrics.champion is None or metrics.champion.version != champion.name:
        return None
    return Evaluation(predictions, metrics, holdout, version.read("certainty.npz"), champion.name)
