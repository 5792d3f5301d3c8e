"""Links as a run has found them, for tests that look at all links together."""

from datetime import UTC, datetime

import pandas as pd

from regraft.dataset.placeholders import PLACEHOLDERS
from regraft.identity import Digest, Url
from regraft.links.findings import Finding
from regraft.links.memory import MEMORY
from regraft.links.merge import merged
from regraft.store.tables import no_rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NO_PLACEHOLDERS = no_rows(PLACEHOLDERS)
BLACK, NEARLY_BLACK, WHITE = "00" * 8, "00" * 7 + "01", "ff" * 8
"""Perceptual hashes; the first two are near."""


def link(url: str, digest: str, phash: str = BLACK, category: str = "cat", final_url: str = "") -> dict[str, str]:
    """A link that shows a small picture, which says that it is no photograph."""
    return {"url": url, "digest": digest, "phash": phash, "category": category, "final_url": final_url or url}


def memory(*links: dict[str, str]) -> pd.DataFrame:
    """The links of a first run, columns MEMORY."""
    findings = [
        Finding(
            url=Url(fields["url"]),
            final_url=Url(fields["final_url"]),
            digest=Digest(fields["digest"]),
            phash=fields["phash"],
            width=99,
            height=99,
            bytes=99,
        )
        for fields in links
    ]
    listed = pd.DataFrame([(fields["url"], fields["category"]) for fields in links], columns=["url", "category"])
    return merged(listed, findings, no_rows(MEMORY), now=NOW, since=NOW, near=6)
