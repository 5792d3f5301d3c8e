"""One version as a report: all that people may want to know of it, gathered once and shown in several forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from regraft.reporting.examples import Examples
from regraft.reporting.history import Summary
from regraft.store.records import MetricsRecord, RunRecord

MAX_ROWS = 30
"""Links of one kind that a report lists."""


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
    manifest: pd.DataFrame
    """manifest.parquet: every image that is trained on, chooses or measures."""
    changes: Mapping[str, pd.DataFrame]
    """The links that changed since the parent version, by event; see `rot.changes`."""
    misfiled: pd.DataFrame
    """The links (digest, category, url, like) that show a picture of another category."""
    history: Sequence[Summary]
    """The job's newest versions, this one last."""
    plots: Mapping[str, bytes]
    """PNG bytes by name."""
    examples: Examples
    """Images worth looking at."""
    thumbnails: Mapping[str, str]
    """Small pictures as data: URIs by digest; those whose bytes are gone have none."""


def pictured(changes: Mapping[str, pd.DataFrame], misfiled: pd.DataFrame, examples: Examples) -> list[str]:
    """Return the digests of the pictures that a report shows small, each once."""
    columns = [rows["digest"] for rows in examples.groups.values()]
    columns += [examples.strays["digest"], misfiled["digest"].head(MAX_ROWS)]
    for rows in changes.values():
        columns += [rows["digest"].head(MAX_ROWS), rows["digest_before"].head(MAX_ROWS)]
    digests = [str(digest) for column in columns for digest in column]
    return [digest for digest in dict.fromkeys(digests) if digest]
