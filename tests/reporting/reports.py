"""A report on a handful of links, for tests of what pages show."""

import base64
from typing import Any

import numpy as np
import pandas as pd

from regraft.dataset.honouring import NO_RULINGS
from regraft.links.rot import changes
from regraft.reporting.examples import Examples, examples
from regraft.reporting.history import summary
from regraft.reporting.report import Report
from regraft.targets.choice import target_of
from tests.records import metrics_record, run_record

VERSION = "20261125T125348Z"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
"""A picture of one pixel."""


def links(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Return a table of links from (url, verdict, reason, digest), all of the category cat."""
    table = pd.DataFrame(rows, columns=["url", "verdict", "reason", "digest"])
    return table.assign(category="cat")


def manifest_of(table: pd.DataFrame) -> pd.DataFrame:
    """Return a manifest of the links that are alive: one image each, a test image first."""
    alive = table[table["verdict"] == "alive"].reset_index(drop=True)
    return pd.DataFrame(
        {
            "digest": alive["digest"],
            "category": alive["category"],
            "split": ["test" if i % 3 == 0 else "train" for i in range(len(alive))],
            "label": np.linspace(30, 50, len(alive)),
            "urls": [[url] for url in alive["url"]],
        }
    )


def report(table: pd.DataFrame, before: pd.DataFrame | None = None, kind: str = "length", **changed: Any) -> Report:
    """Return a report on links, after a version with the links `before`; fields are replaced by `changed`."""
    manifest = manifest_of(table)
    run = run_record(kind, parent=None if before is None else "20261125T125324Z")
    metrics = metrics_record(kind)
    no_rows = pd.DataFrame({"digest": [], "category": [], "caption": []}, dtype=object)
    content: dict[str, Any] = {
        "version": VERSION,
        "run": run,
        "metrics": metrics,
        "links": table,
        "lives": pd.DataFrame({"category": [], "host": [], "days": [], "end": [], "links": []}),
        "manifest": manifest,
        "changes": changes(table, before),
        "misfiled": pd.DataFrame({"digest": [], "category": [], "url": [], "like": [], "chance": []}, dtype=object),
        "to_review": {},
        "decisions": NO_RULINGS.table(table["reason"].iloc[:0]),
        "history": [summary(VERSION, run, metrics, True)],
        "forecasts": {},
        "newly_endangered": [],
        "plots": dict.fromkeys(("labels", "predictions", "losses", "examples"), PNG),
        "examples": Examples(best=no_rows, worst=no_rows, doubtful=no_rows, strays=no_rows),
        "thumbnails": {},
    }
    if kind == "length" and (manifest["split"] == "train").any():
        predictions = manifest.drop(columns="urls").assign(prediction=manifest["label"] + 2)
        content["examples"] = examples(predictions, target_of(run.config))
    return Report(**(content | changed))
