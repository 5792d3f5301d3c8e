"""What steps hand on, put into the store's drafts and read from there."""

from collections.abc import Mapping

import pandas as pd
from pydantic import TypeAdapter

from regraft.dataset import screening
from regraft.identity import Digest
from regraft.judging.evaluation import Evaluation
from regraft.pipeline.results import Evaluated, Manifest, Screened
from regraft.store.drafts import Drafts
from regraft.store.metrics_record import read_metrics
from regraft.store.run_record import Survival

SURVIVAL = TypeAdapter(dict[str, Survival])
"""Survival by category, to and from JSON."""


def put_screened(screened: screening.Screened, drafts: Drafts) -> Screened:
    """Put what links came to."""
    survival = drafts.put(SURVIVAL.dump_json(screened.survival))
    links, pictures, decisions = map(drafts.put_table, (screened.links, screened.pictures, screened.decisions))
    return Screened(links, pictures, survival, decisions)


def read_screened(screened: Screened, drafts: Drafts) -> screening.Screened:
    """Return what links came to, as it was put."""
    survival = SURVIVAL.validate_json(drafts.read(screened.survival))
    links, pictures, decisions = map(drafts.table, (screened.links, screened.pictures, screened.decisions))
    return screening.Screened(links, pictures, survival, decisions)


def put_manifest(rows: pd.DataFrame, columns: Mapping[str, Digest], drafts: Drafts) -> Manifest:
    """Put a manifest; `columns` are those of the lists, see `Manifest`."""
    return Manifest(len(rows), drafts.put_table(rows), columns)


def put_evaluation(evaluation: Evaluation, drafts: Drafts) -> Evaluated:
    """Put an evaluation."""
    return Evaluated(
        metrics=drafts.put(evaluation.metrics.to_bytes()),
        predictions=drafts.put_table(evaluation.predictions),
        holdout=drafts.put_table(evaluation.holdout),
        certainty=drafts.put(evaluation.certainty),
        champion=evaluation.champion,
    )


def read_evaluation(evaluated: Evaluated, drafts: Drafts) -> Evaluation:
    """Return an evaluation, as it was put."""
    return Evaluation(
        predictions=drafts.table(evaluated.predictions),
        metrics=read_metrics(drafts.read(evaluated.metrics)),
        holdout=drafts.table(evaluated.holdout),
        certainty=drafts.read(evaluated.certainty),
        champion=evaluated.champion,
    )
