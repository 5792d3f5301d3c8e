"""What a run has made, complete, before it is published."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from regraft.dataset.screening import Screened
from regraft.judging.evaluation import Evaluation
from regraft.store.run_record import PrefectRun
from regraft.store.version import Version


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a run has made."""

    screened: Screened
    """The links with their last verdicts."""
    manifest: pd.DataFrame
    """The images with their labels and splits."""
    list_columns: pa.Table
    """What the lists say of each of them besides, see `dataset.list_columns`."""
    evaluation: Evaluation
    """How good the head is, and whether it becomes champion."""
    head: bytes
    """head.keras"""
    history: Mapping[str, list[float]]
    """Loss by epoch, by curve."""
    backbone_fingerprint: str
    """Names the backbone that made the features."""
    features_computed: int
    """Images whose features were not in the store yet."""
    device: str
    """What TensorFlow computed on."""
    prefect: PrefectRun
    """The flow run."""
    tuned: bytes | None = None
    """backbone.npz; None where the backbone stayed frozen."""
    reused: Version | None = None
    """The version whose model this is too; None where it was trained anew."""
