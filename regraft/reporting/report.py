"""One version as a report: all that people may want to know of it, gathered once and shown in several forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regraft.links.forecast import Forecast, forecast
from regraft.reporting.examples import Examples
from regraft.reporting.history import Summary
from regraft.reporting.review import ReviewKind
from regraft.store.metrics_record import MetricsRecord
from regraft.store.run_record import RunRecord

MAX_ROWS = 30
"""Links of one kind that a report lists."""
MAX_DECISIONS = 10
"""Decisions of persons that a report lists."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a report shows. `rendering` makes pages of it."""

    version: str
    """The version's name."""
    run: RunRecord
    """run.json"""
    metrics: MetricsRecord
    """metrics.json"""
    links: pd.DataFrame
    """links.parquet: every link of the lists, with its verdict."""
    lives: pd.DataFrame
    """lives.parquet: how long links have shown their photos; see `links.lifetimes`."""
    manifest: pd.DataFrame
    """manifest.parquet: every image that is trained on, chooses or measures; `doubtful` is the category that one
    may belong to instead."""
    changes: Mapping[str, pd.DataFrame]
    """The links that changed since the parent version, by event; see `rot.changes`."""
    misfiled: pd.DataFrame
    """The links (digest, category, url, like, chance) that show a picture of another category."""
    to_review: Mapping[ReviewKind, int]
    """How many pictures wait for a person, by what they wait as."""
    decisions: pd.DataFrame
    """decisions.parquet: what persons decided, and for how many links of this version each decision held."""
    history: Sequence[Summary]
    """The job's newest versions, this one last."""
    forecasts: Mapping[str, Forecast]
    """What becomes of the links of each category of which enough is known."""
    newly_endangered: Sequence[str]
    """The categories that will soon have too few links for a run, as was not yet expected in the version before."""
    plots: Mapping[str, bytes]
    """PNG bytes by name."""
    examples: Examples
    """Images worth looking at."""
    thumbnails: Mapping[str, str]
    """Small pictures as data: URIs by digest; those whose bytes are gone have none."""


def forecasts(run: RunRecord) -> dict[str, Forecast]:
    """Return what becomes of each category's links, from the counts in run.json; those that end soonest first.

    See `links.forecast`.
    """
    each = {category: forecast_of(category, run) for category in run.survival}
    known = {category: expected for category, expected in each.items() if expected}
    return dict(sorted(known.items(), key=lambda item: item[1].days_left or np.inf))


def forecast_of(category: str, run: RunRecord) -> Forecast | None:
    """Return what becomes of one category's links; None where too little is known of it.

    A run needs `split.min_images` images of it. Those that a web archive has kept stay; of the others, an image takes
    as many links as now.
    """
    if category not in run.survival:
        return None
    survival, archived = run.survival[category], run.counts.archived.get(category, 0)
    images = max(0, run.counts.images.get(category, 0) - archived)
    images_needed = max(0, run.config.split.min_images - archived)
    return forecast(survival.counts, images_needed * survival.alive / images if images else 0, run.seed)


def newly_endangered(known: Mapping[str, Forecast], before: RunRecord | None) -> list[str]:
    """Return the categories that are endangered now and were not in the version before, or were not forecast there."""
    endangered = [category for category, expected in known.items() if expected.is_endangered]
    if before is None:
        return endangered
    earlier = {category: forecast_of(category, before) for category in endangered}
    return [category for category, expected in earlier.items() if expected is None or not expected.is_endangered]


def newest_decisions(decisions: pd.DataFrame) -> pd.DataFrame:
    """Return the decisions that a report lists: of those that held for links, the newest first."""
    return decisions[decisions["links"] > 0].iloc[::-1].head(MAX_DECISIONS)


def pictured(
    changes: Mapping[str, pd.DataFrame], misfiled: pd.DataFrame, examples: Examples, decisions: pd.DataFrame
) -> list[str]:
    """Return the digests of the pictures that a report shows small, each once."""
    columns = [rows["digest"] for rows in examples.groups.values()]
    columns += [examples.strays["digest"], misfiled["digest"].head(MAX_ROWS), newest_decisions(decisions)["digest"]]
    for rows in changes.values():
        columns += [rows["digest"].head(MAX_ROWS), rows["digest_before"].head(MAX_ROWS)]
    digests = [str(digest) for column in columns for digest in column]
    return [digest for digest in dict.fromkeys(digests) if digest]
