"""What a version's model is made from; where the version before was made from just the same, its model is found again.

On an unchanged web a refresh then needs neither TensorFlow nor the backbone: the same images, settings, weights and
libraries give the same head to the bit, and the same head errs the same on the same images.
"""

import hashlib
import json

import pandas as pd

from regraft.backbones.weights import weights_source
from regraft.config import Config
from regraft.errors import RegraftError
from regraft.identity import digest_of
from regraft.judging.evaluation import Evaluation
from regraft.judging.gate import gate
from regraft.pipeline.provenance import commit, libraries
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.versions import Version
from regraft.targets.choice import target_of

PARTS = {"seed", "device", "screen", "split", "backbone", "head", "tune", "gate"}
"""The parts of the config that a model and its evaluation depend on; of the categories it is the labels."""


def recipe(manifest: pd.DataFrame, config: Config) -> str:
    """Return the SHA-256 of all that a model is made from: images, labels, splits, settings, weights, libraries, code.

    Raises BackboneError where there are no weights.
    """
    told = config.model_dump(mode="json")
    parts = {name: told[name] for name in PARTS}
    parts["labels"] = {name: category["label"] for name, category in told["categories"].items()}
    parts["weights"] = weights_source(config.backbone.name, config.backbone.weights)
    parts["libraries"], parts["code"] = libraries(), commit()
    rows = zip(manifest["digest"], manifest["category"], manifest["split"], manifest["label"], strict=True)
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for image, category, split, label in rows:
        digest.update(f"{image} {category} {split} {label!r}\n".encode())
    return digest.hexdigest()


def same(manifest: pd.DataFrame, config: Config, store: Store) -> Version | None:
    """Return the newest version where its model was made from the very same, and is whole; None where it was not."""
    try:
        newest = versions.newest(store)
        about = newest.run
        if about.model_fingerprint != recipe(manifest, config):
            return None
        head = digest_of(newest.read("head.keras"))
        return newest if about.files.get("head.keras") == head else None
    except RegraftError:
        return None


def evaluated(same: Version, held_out: pd.DataFrame, config: Config) -> Evaluation | None:
    """Return the evaluation of a version's model, as it stands; None where it has to be measured anew.

    That is where the holdout is another, or where the champion is neither that version nor the one that it was
    compared with.
    """
    champion, metrics = versions.champion(same.store), same.metrics
    if champion is None or not same.table("holdout.parquet").equals(held_out):
        return None
    predictions = same.table("predictions.parquet")
    if champion.name == same.name:
        fair = held_out[["digest"]].merge(predictions, on="digest")
        if len(fair) != len(held_out):
            return None
        target = target_of(config)
        errors = target.squared_error(target.truth(fair), target.answers(fair))
        decision = gate(champion.name, errors, errors, target.wording, config.gate, config.seed)
        metrics = metrics.model_copy(
            update={
                "champion": decision.comparison,
                "attribution": None,
                "promoted": decision.promoted,
                "why": decision.why,
            }
        )
    elif metrics.champion is None or metrics.champion.version != champion.name:
        return None
    return Evaluation(predictions, metrics, held_out, same.read("certainty.npz"))
