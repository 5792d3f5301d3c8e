"""Two versions side by side: what differs in their config, their metrics, their images and their links."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from regraft.store.records import MetricsRecord
from regraft.store.versions import Version

METRICS = ("n", "rmse", "mae", "bias", "r2", "auc", "accuracy", "log_loss")


@dataclass(frozen=True)
class Difference:
    """What is told of two versions; each entry (name, in the first, in the second)."""

    config: list[tuple[str, Any, Any]]
    """Only what differs, by dotted name."""
    metrics: list[tuple[str, Any, Any]]
    """On each version's own test split; the oracle and the excess too."""
    images: dict[str, int]
    """added, removed, relabelled, resplit, in_both."""
    links: list[tuple[str, int, int]]
    """How many links ended with each reason."""
    turned: list[tuple[str, str, int]]
    """How many links ended with one reason in the first and with another in the second, most first."""


def difference(first: Version, second: Version) -> Difference:
    """Return what differs. Raises VersionError where a table is missing."""
    configs = [_flat(version.run.config.model_dump(mode="json")) for version in (first, second)]
    config = [(k, configs[0].get(k), configs[1].get(k)) for k in sorted(configs[0].keys() | configs[1].keys())]
    metrics = [_metrics(version.metrics) for version in (first, second)]
    links = [version.table("links.parquet") for version in (first, second)]
    reasons = [table["reason"].replace("", "alive").value_counts() for table in links]
    both = pd.DataFrame({"a": reasons[0], "b": reasons[1]}).fillna(0).astype(int).sort_index()
    return Difference(
        [row for row in config if row[1] != row[2]],
        [(name, metrics[0].get(name), metrics[1].get(name)) for name in metrics[0] | metrics[1]],
        _images(first.table("manifest.parquet"), second.table("manifest.parquet")),
        [(str(reason), int(row["a"]), int(row["b"])) for reason, row in both.iterrows()],
        _turned(*links),
    )


def _flat(told: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in told.items():
        found |= _flat(value, f"{above}{key}.") if isinstance(value, Mapping) else {f"{above}{key}": value}
    return found


def _metrics(metrics: MetricsRecord) -> dict[str, Any]:
    test, oracle = metrics.test.model_dump(), metrics.oracle
    whole = {name: test[name] for name in METRICS if name in test and test[name] is not None}
    whole |= {"oracle rmse": oracle.rmse if oracle else None, "excess": metrics.excess}
    return whole | {f"rmse of {name}": scores.rmse for name, scores in metrics.test.by_category.items()}


def _images(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, int]:
    keys = ["digest", "category"]
    both = first.merge(second, on=keys, suffixes=("_a", "_b"))
    return {
        "added": len(second) - len(both),
        "removed": len(first) - len(both),
        "relabelled": int((both["label_a"] != both["label_b"]).sum()),
        "resplit": int((both["split_a"] != both["split_b"]).sum()),
        "in_both": len(both),
    }


def _turned(first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[str, str, int]]:
    both = first.merge(second, on=["url", "category"], suffixes=("_a", "_b"))
    both = both[both["reason_a"] != both["reason_b"]].replace({"reason_a": {"": "alive"}, "reason_b": {"": "alive"}})
    counts = both.groupby(["reason_a", "reason_b"], as_index=False).size().sort_values("size", ascending=False)
    return [(str(a), str(b), int(n)) for a, b, n in counts.to_numpy()]
