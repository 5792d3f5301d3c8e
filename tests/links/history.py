"""Stores in which links were checked once a day and a version was published each time, without a run."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from regraft.dataset.placeholders import learn_placeholders
from regraft.dataset.screening import last_verdicts
from regraft.identity import Url
from regraft.links.findings import Finding
from regraft.links.memory import COLUMNS, MEMORY, SCHEMA, put_links, remembered_links
from regraft.links.merge import merged
from regraft.links.shards import path_of
from regraft.store import versions
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.store.tables import no_rows, parquet
from regraft.store.version import Version
from tests.links.checks import DAY, FIRST_DAY, LINK
from tests.records import metrics_record, run_record

CAT = "cat"


class History:
    """A store and its days, counted from 0."""

    def __init__(self, url: str):
        self.store = Store(url)
        self.days = 0
        put_layout(self.store.disk, Layout())

    def check(self, findings: Mapping[str, Finding] | Finding, category: str = CAT) -> Version:
        """Check links by URL, or LINK alone, on the next day, and publish what came of them."""
        by_url = {LINK: findings} if isinstance(findings, Finding) else findings
        now = FIRST_DAY + self.days * DAY
        self.days += 1
        links = pd.DataFrame({"url": list(by_url), "category": category})
        known = pd.concat([self._known(url) for url in by_url])
        ours = [replace(finding, url=Url(url)) for url, finding in by_url.items()]
        table = merged(links, ours, known, now=now, since=now, near=6)
        for path, rows in table.groupby(table["url"].map(lambda url: path_of(url, Layout()))):
            put_links(self.store, str(path), rows)
        judged, _ = last_verdicts(table, learn_placeholders(table, self.store, now), 6, lambda name, digest: "train")
        return self.publish(judged[COLUMNS], f"{now:%Y%m%dT%H%M%SZ}")

    def publish(self, links: pd.DataFrame, name: str) -> Version:
        """Publish a version that has nothing but its links."""
        schema = SCHEMA if list(links.columns) == COLUMNS else None
        files = {
            "links.parquet": parquet(links, schema, sort_by="url"),
            "metrics.json": metrics_record().to_bytes(),
            "run.json": run_record().to_bytes(),
        }
        return versions.publish(self.store, name, files)

    def _known(self, url: str) -> pd.DataFrame:
        known = remembered_links(self.store, path_of(url, Layout()))
        return known[known["url"] == url] if len(known) else no_rows(MEMORY)
