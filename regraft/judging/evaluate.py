"""A candidate is measured as saved: against the oracle, its rivals and the champion, on held-out images."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from regraft.backbones.extractor import Extractor
from regraft.errors import DamagedVersionError, RegraftError, TrainingError
from regraft.heads import certainty, tutorial
from regraft.heads.head import Head
from regraft.heads.model import extractor_of, head_of
from regraft.judging.attribution import Experiment, attribute
from regraft.judging.coverage import certainty_results
from regraft.judging.evaluation import Evaluation, Terms
from regraft.judging.gate import ROUNDING, Gate, gate
from regraft.store import versions
from regraft.store.feature_rows import FeatureRows
from regraft.store.metrics_record import Attribution, Leak, MetricsRecord, MisfiledScores
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.targets.rivals import Errors
from regraft.targets.target import IMAGE_COLUMNS, Answers, Target

RELOAD_TOLERANCE = 1e-3
"""A reloaded head's answers may differ by this much from the trained one's, in cm or in a probability."""
MIN_COMPARED = 2
"""Images that it takes to compare two models."""


@dataclass(frozen=True)
class Candidate:
    """A trained head that may become champion."""

    head: bytes
    """head.keras, as it will be published."""
    predictions: pd.DataFrame
    """What it answered when it was trained, row by row of the manifest; see `Target.predictions`."""
    extractor: Extractor
    """What makes its features."""


@dataclass(frozen=True)
class _Model:
    """A head on the features of the store's images."""

    head: Head
    extractor: Extractor
    store: Store

    def features(self, images: pd.DataFrame) -> FeatureRows:
        """Return the features, (N, D), of images (digest)."""
        return self.extractor.features(images["digest"].tolist(), self.store)

    def visible(self, images: pd.DataFrame) -> pd.DataFrame:
        """Return those of some images (digest) whose features can be had: not those whose bytes are gone."""
        return images[images["digest"].isin(self.extractor.embedded(images["digest"].tolist(), self.store))]

    def answers(self, images: pd.DataFrame) -> Answers:
        """Return the answers for N images (digest)."""
        return self.features(images).map_blocks(self.head.predict)

    def predictions(self, images: pd.DataFrame, target: Target) -> pd.DataFrame:
        """Return the predictions for N images (digest, category, label), as those of a comparable target."""
        return self.head.predictions(images, self.features(images), target)


def evaluate(
    manifest: pd.DataFrame,
    holdout: pd.DataFrame,
    misfiled: pd.DataFrame,
    candidate: Candidate,
    terms: Terms,
    store: Store,
) -> Evaluation:
    """Return the evaluation of a head, read again from the bytes that will be published.

    `holdout`, see `holdout.holdout`: the images to compare with the champion on. `misfiled`, see
    `holdout.misfiled_of_test_split`: what the test split lacks. Raises TrainingError where the reloaded head's answers
    are not the trained one's.
    """
    target = terms.target
    model = _Model(Head.from_bytes(candidate.head, target), candidate.extractor, store)
    features = model.features(manifest)
    predictions = model.head.predictions(manifest[IMAGE_COLUMNS], features)
    _check_reloaded(target.largest_difference(predictions, candidate.predictions))
    if "left_out" in candidate.predictions:
        predictions["left_out"] = candidate.predictions["left_out"].to_numpy()
    rivals = _rivals(manifest, features, terms)
    scores = target.scores(predictions, model.answers, rivals, terms.synthetic, terms.gate, terms.seed)
    champion, decision, attribution = _beside_champion(manifest, holdout, model, terms)
    decision = _after_leak_alarm(decision, scores.leak)
    sureness = certainty.certainty(predictions, features, target, knows_categories=model.head.classifier is not None)
    metrics = MetricsRecord(
        test=scores.test,
        oracle=scores.oracle,
        excess=scores.excess,
        rivals=dict(scores.rivals),
        strays=scores.strays,
        leak=scores.leak,
        certainty=certainty_results(predictions, features, model.head, target, sureness.calibration),
        misfiled=_with_misfiled(predictions, misfiled, model, terms),
        champion=decision.comparison,
        attribution=attribution,
        promoted=decision.promoted,
        why=decision.why,
    )
    predictions = predictions.assign(unlike_training=features.map_blocks(sureness.is_unlike_training))
    return Evaluation(predictions, metrics, holdout, sureness.to_bytes(), champion)


def _check_reloaded(difference: float) -> None:
    """Raise TrainingError where a reloaded head's answers differ by so much, in cm or in a probability."""
    if not difference <= RELOAD_TOLERANCE:
        raise TrainingError(
            f"The saved head predicts otherwise than the trained one (by up to {difference:g}); nothing was published."
        )


def _rivals(manifest: pd.DataFrame, features: FeatureRows, terms: Terms) -> dict[str, Errors]:
    """The errors of the rivals on the test split; where lengths are predicted, also of the tutorial's head."""
    rivals = terms.target.rivals(manifest)
    if terms.target.regresses_lengths:
        test = np.flatnonzero(manifest["split"] == "test")
        lengths = tutorial.rival_lengths(manifest, features, test, terms.seed)
        rivals["tutorial"] = terms.target.errors(manifest.iloc[test], lengths)
    return rivals


def _with_misfiled(predictions: pd.DataFrame, misfiled: pd.DataFrame, model: _Model, terms: Terms) -> MisfiledScores:
    """What the results would be with the misfiled pictures (digest, category, label)."""
    if misfiled.empty:
        return MisfiledScores(n=0)
    test = predictions[predictions["split"] == "test"]
    added = model.predictions(misfiled, terms.target)
    return terms.target.misfiled_scores(test, added, terms.synthetic)


def _after_leak_alarm(decision: Gate, leak: Leak | None) -> Gate:
    """The decision, turned down where the model knows more than it can have learnt from pictures."""
    if leak is None or not leak.alarm:
        return decision
    why = f"Leak alarm: predictions know more of the labels than pictures can tell (p={leak.p:.4f}). {decision.why}"
    return replace(decision, promoted=False, why=why)


def _beside_champion(
    manifest: pd.DataFrame, holdout: pd.DataFrame, model: _Model, terms: Terms
) -> tuple[str | None, Gate, Attribution | None]:
    """The champion's name, the gate's decision on the holdout, and what made the difference, where that is known."""
    try:
        champion = versions.champion(model.store)
    except DamagedVersionError as error:  # there may be a good champion behind it
        return None, Gate(False, f"Not judged, and not promoted: {error}"), None
    if champion is None:
        return None, Gate(True, "There was no champion yet."), None
    decision, attribution = _compared(champion, manifest, holdout, model, terms)
    return champion.name, decision, attribution


def _compared(
    champion: Version, manifest: pd.DataFrame, holdout: pd.DataFrame, model: _Model, terms: Terms
) -> tuple[Gate, Attribution | None]:
    """The gate's decision, and what made the difference. What cannot be compared is not promoted."""
    target = terms.target
    try:
        unseen = _unseen_by(champion, holdout)
        champion_model = _Model(head_of(champion), extractor_of(champion), model.store)
    except DamagedVersionError as error:  # a champion that nobody can use any more cannot stay in use
        return Gate(True, f"Champion {champion.name} cannot be read any more and is replaced: {error}"), None
    except RegraftError as error:
        return Gate(False, _not_compared(champion, error)), None
    if not target.is_comparable_with(champion_model.head.target):
        return Gate(False, _answers_otherwise(champion, champion_model.head.target, target)), None
    try:
        rows = champion_model.visible(unseen)
        if len(rows) < MIN_COMPARED:
            why = "was trained on these images, or its backbone cannot read them; there is nothing to compare on."
            return Gate(False, f"Champion {champion.name} {why}"), None
        theirs = champion_model.predictions(rows, target)
    except RegraftError as error:
        return Gate(False, _not_compared(champion, error)), None
    ours = model.predictions(rows, target)
    errors, their_errors = target.errors_of(ours), target.errors_of(theirs)
    decision = gate(champion.name, errors.squared, their_errors.squared, target.wording, terms.gate, terms.seed)
    is_same_model = target.largest_difference(ours, theirs) < ROUNDING
    if is_same_model or champion_model.extractor.fingerprint != model.extractor.fingerprint:
        return decision, None
    return decision, attribute(manifest, errors.rmse - their_errors.rmse, Experiment(champion, target, rows))


def _not_compared(champion: Version, error: RegraftError) -> str:
    """Why a champion that does not predict here stays all the same."""
    return f"Champion {champion.name} could not predict here, so nothing was compared and it stays: {error}"


def _unseen_by(champion: Version, holdout: pd.DataFrame) -> pd.DataFrame:
    """The rows of the holdout that the champion was not trained on."""
    manifest = champion.table("manifest.parquet")
    seen = set(manifest["digest"][manifest["split"] != "test"])
    return holdout[~holdout["digest"].isin(seen)]


def _answers_otherwise(champion: Version, theirs: Target, ours: Target) -> str:
    """Why a champion of another kind stays: people decide between lengths and categories."""
    return (
        f"Champion {champion.name} predicts {theirs.wording.answers}, this model {ours.wording.answers}; "
        "`regraft promote` changes over."
    )
