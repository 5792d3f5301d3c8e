"""Two versions side by side: what differs in their config, their metrics, their images and their links."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from regraft.reporting.named_reasons import named_reasons
from regraft.store.metrics_record import MetricsRecord
from regraft.store.version import Version
from regraft.targets.target import IMAGE_COLUMNS


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two versions; each entry of `config`, `metrics` and `links` is (name, in the first, in the second)."""

    config: list[tuple[str, Any, Any]]
    """Only what differs, by dotted name; None where a version has no such setting."""
    metrics: list[tuple[str, Any, Any]]
    """On each version's own test split, with the oracle and the excess; None where a version has no such measure."""
    images: dict[str, int]
    """added, removed, relabelled, resplit, in_both."""
    links: list[tuple[str, int, int]]
    """How many links ended with each reason."""
    turned: list[tuple[str, str, int]]
    """How many links ended with one reason in the first and with another in the second, the most frequent first."""


def difference(first: Version, second: Version) -> Difference:
    """Return what differs. Raises VersionError where a file is missing or damaged."""
    links_a, links_b = _links(first), _links(second)
    return Difference(
        config=[row for row in _side_by_side(_config(first), _config(second)) if row[1] != row[2]],
        metrics=_side_by_side(_metrics(first.metrics), _metrics(second.metrics)),
        images=_images(*(version.table("manifest.parquet", IMAGE_COLUMNS) for version in (first, second))),
        links=_reason_counts(links_a, links_b),
        turned=_reason_changes(links_a, links_b),
    )


def _side_by_side(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return (name, first value, second value) of every name; None where there is no value."""
    names = [*first, *(name for name in second if name not in first)]
    return [(name, first.get(name), second.get(name)) for name in names]


def _config(version: Version) -> dict[str, Any]:
    return _flat(version.run.config.model_dump(mode="json"))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by their dotted names."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        leaves |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return leaves


def _metrics(metrics: MetricsRecord) -> dict[str, float | None]:
    """Return the measures that are one number each, by name."""
    whole = {name: value for name, value in metrics.test if isinstance(value, int | float)}
    oracle = {"oracle rmse": metrics.oracle.rmse if metrics.oracle else None, "excess": metrics.excess}
    return whole | oracle | {f"rmse of {name}": scores.rmse for name, scores in metrics.test.by_category.items()}


def _images(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, int]:
    both = first.merge(second, on=["digest", "category"], suffixes=("_a", "_b"))
    return {
        "added": len(second) - len(both),
        "removed": len(first) - len(both),
        "relabelled": int((both["label_a"] != both["label_b"]).sum()),
        "resplit": int((both["split_a"] != both["split_b"]).sum()),
        "in_both": len(both),
    }


def _links(version: Version) -> pd.DataFrame:
    """The links of a version: url, category, and the reason as people name it."""
    links = version.table("links.parquet", ["url", "category", "reason", "outcome"])
    return links.assign(reason=named_reasons(links))[["url", "category", "reason"]]


def _reason_counts(first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[str, int, int]]:
    counts = [links["reason"].value_counts() for links in (first, second)]
    table = pd.DataFrame({"a": counts[0], "b": counts[1]}).fillna(0).astype(int).sort_index()
    return [(str(reason), int(row["a"]), int(row["b"])) for reason, row in table.iterrows()]


def _reason_changes(first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[str, str, int]]:
    both = first.merge(second, on=["url", "category"], suffixes=("_a", "_b"))
    both = both[both["reason_a"] != both["reason_b"]]
    counts = both.groupby(["reason_a", "reason_b"], as_index=False).size().sort_values("size", ascending=False)
    return [(str(before), str(after), int(count)) for before, after, count in counts.to_numpy()]
