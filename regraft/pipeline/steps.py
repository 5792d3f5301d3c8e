"""What the steps of a run hand on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from regraft.config import Config
from regraft.dataset.screening import Screened
from regraft.store.versions import Version
from regraft.targets.target import Answers

if TYPE_CHECKING:
    from regraft.heads.model import Extractor


@dataclass(frozen=True)
class Embedded:
    """Where features are found, and how many had to be computed."""

    fingerprint: str
    computed: int
    device: str
    """Its name, and what it computes in."""
    tuned: bytes | None = None
    """backbone.npz, where the backbone was fine-tuned."""
    same: Version | None = None
    """The version whose model this is too, where it was found again."""

    def extractor(self, config: Config) -> "Extractor":
        """Return what makes these features."""
        from regraft.heads.model import Extractor

        return Extractor(config.backbone, self.fingerprint, self.tuned)


@dataclass(frozen=True)
class TrainedHead:
    """A head, what it predicted before it was saved, and its loss curves."""

    head: bytes
    """head.keras"""
    history: dict[str, list[float]]
    predicted: Answers


@dataclass(frozen=True)
class Learnt:
    """What a run has learnt, and from what."""

    screened: Screened
    manifest: pd.DataFrame
    embedded: Embedded
    head: TrainedHead
