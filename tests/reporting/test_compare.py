"""Two versions side by side."""

from pathlib import Path

import pandas as pd

from regraft.reporting.compare import difference
from regraft.store import versions
from regraft.store.metrics_record import MetricsRecord
from regraft.store.run_record import RunRecord
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.store.version import Version
from tests.records import metrics_record, run_record
from tests.reporting.reports import links, manifest_of

LINKS = links(("a", "alive", "", "d1"), ("b", "alive", "", "d2"), ("c", "dead", "gone", ""))


def published(store: Store, name: str, table: pd.DataFrame, metrics: MetricsRecord, run: RunRecord) -> Version:
    files = {
        "links.parquet": parquet(table),
        "manifest.parquet": parquet(manifest_of(table)),
        "metrics.json": metrics.to_bytes(),
        "run.json": run.to_bytes(),
    }
    return versions.publish(store, name, files)


def test_only_what_differs_of_the_config_and_all_metrics_of_both(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    lengths = published(store, "20260101T000000Z", LINKS, metrics_record(), run_record())
    categories = published(store, "20260102T000000Z", LINKS, metrics_record("category"), run_record("category"))
    differs = difference(lengths, categories)
    names = [name for name, _, _ in differs.config]
    assert "head.target" in names
    assert "seed" not in names
    metrics = {name: (a, b) for name, a, b in differs.metrics}
    assert metrics["n"] == (39, 39)
    assert metrics["mae"][1] is metrics["accuracy"][0] is metrics["oracle rmse"][1] is None
    assert metrics["rmse of cat"][0] != metrics["rmse of cat"][1]


def test_images_and_links_that_changed_are_counted(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    later = links(("a", "alive", "", "d1"), ("b", "dead", "timeout", ""), ("c", "alive", "", "d3"))
    first = published(store, "20260101T000000Z", LINKS, metrics_record(), run_record())
    second = published(store, "20260102T000000Z", later, metrics_record(), run_record())
    differs = difference(first, second)
    assert differs.images == {"added": 1, "removed": 1, "relabelled": 0, "resplit": 0, "in_both": 1}
    assert differs.links == [("alive", 2, 2), ("gone", 1, 0), ("timeout", 0, 1)]
    assert sorted(differs.turned) == [("alive", "timeout", 1), ("gone", "alive", 1)]
