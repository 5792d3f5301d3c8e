"""What an evaluation takes and what it comes to. Imports no TensorFlow: where nothing changed, none is needed."""

from dataclasses import dataclass, replace

import pandas as pd

from regraft.config import Config, GateSettings
from regraft.store.metrics_record import MetricsRecord
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels
from regraft.targets.target import Target


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a job's candidates are judged by."""

    target: Target
    synthetic: SyntheticLabels
    """How labels are drawn, so that the best that is possible is known."""
    gate: GateSettings
    seed: int
    """Of the bootstrap, and of the rivals that are trained."""

    @classmethod
    def of(cls, config: Config) -> "Terms":
        """Return what a job's candidates are judged by."""
        return cls(
            target=target_of(config),
            synthetic=SyntheticLabels.of(config),
            gate=config.gate,
            seed=config.seed,
        )


@dataclass(frozen=True)
class Evaluation:
    """How good a candidate is."""

    predictions: pd.DataFrame
    """digest, category, split, label, the answers as `Target.predictions` has them, and whether an image is unlike
    those of training (`unlike_training`, which earlier Regrafts did not write): of all images of the manifest."""
    metrics: MetricsRecord
    """metrics.json"""
    holdout: pd.DataFrame
    """digest, category, phash, label: of all images that candidate and champion are compared on."""
    certainty: bytes
    """certainty.npz"""
    champion: str | None
    """The version that was in use then, None where there was none. It alone may be replaced."""

    def unless_champion_is_another(self, champion: str | None) -> "Evaluation":
        """Return the evaluation; without a promotion where another version has become champion since."""
        if not self.metrics.promoted or champion == self.champion:
            return self
        why = (
            f"Judged against {self.champion or 'no champion'}, but {champion or 'none'} is champion by now and stays: "
            f"the next run is judged against it. {self.metrics.why}"
        )
        return replace(self, metrics=self.metrics.model_copy(update={"promoted": False, "why": why}))
