"""Whole records for tests that look at a few of their fields: those of a version of the menagerie, with changes."""

from functools import cache
from pathlib import Path
from typing import Any

from regraft.store.metrics_record import Comparison, MetricsRecord, read_metrics
from regraft.store.run_record import RunRecord, read_run

FORMAT0 = Path(__file__).parent / "data" / "format0"
"""run.json and metrics.json as Regraft wrote them before they had a schema number."""


@cache
def _metrics(kind: str) -> MetricsRecord:
    return read_metrics((FORMAT0 / f"{kind}_metrics.json").read_bytes())


@cache
def _run(kind: str) -> RunRecord:
    return read_run((FORMAT0 / f"{kind}_run.json").read_bytes())


def metrics_record(kind: str = "length", **changes: Any) -> MetricsRecord:
    """Return metrics.json of a version that answers with lengths or categories, with some fields replaced."""
    return _metrics(kind).model_copy(update=changes)


def run_record(kind: str = "length", **changes: Any) -> RunRecord:
    """Return run.json of a version that answers with lengths or categories, with some fields replaced.

    It says nothing of the version's other files, which are the test's own.
    """
    return _run(kind).model_copy(update={"files": {}} | changes)


def comparison(champion: str, difference: float = 0.0) -> Comparison:
    """Return a comparison on 39 images with a champion whose RMSE is 21 cm."""
    low, high = difference - 0.5, difference + 0.5
    return Comparison(version=champion, n=39, rmse=21.0, difference=difference, low=low, high=high)
