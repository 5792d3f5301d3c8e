"""Stores with little in them: a link that shows a picture, a version that learnt from one image."""

import pandas as pd

from regraft.links.memory import MEMORY, put_links
from regraft.links.shards import path_of
from regraft.store import versions
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.store.tables import no_rows, parquet
from tests.records import comparison, metrics_record, run_record

JANUARY = [f"202601{day:02d}T000000Z" for day in range(1, 32)]
"""Names of versions, the oldest first."""
USUAL_LAYOUT = Layout()


def know_link(store: Store, url: str, digest: str, layout: Layout = USUAL_LAYOUT) -> None:
    """Have the store know a link that shows a picture."""
    row = {"url": url, "final_url": url, "digest": digest, "verdict": "alive", "reason": "", "category": "cat"}
    table = pd.concat([no_rows(MEMORY), pd.DataFrame([row])], ignore_index=True)
    put_layout(store.disk, layout)
    put_links(store, path_of(url, layout), table.reindex(columns=MEMORY.names))


def publish_version(store: Store, name: str, digest: str, champion: str | None = None, promoted: bool = False) -> None:
    """Publish a small version that learnt from one image; `champion` is the one that it was compared with."""
    metrics = metrics_record(promoted=promoted, champion=comparison(champion) if champion else None)
    files = {
        "manifest.parquet": parquet(pd.DataFrame({"digest": [digest], "category": ["cat"]})),
        "metrics.json": metrics.to_bytes(),
        "run.json": run_record(backbone_fingerprint="net", files={}).to_bytes(),
    }
    versions.publish(store, name, files)
