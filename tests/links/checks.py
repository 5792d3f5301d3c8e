"""One link of the category cat, checked once a day, and what is known of it after each check."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd

from regraft.dataset.placeholders import PLACEHOLDERS
from regraft.dataset.screening import last_verdicts
from regraft.identity import Digest, Url
from regraft.links.findings import Finding
from regraft.links.memory import MEMORY
from regraft.links.merge import merged
from regraft.store.tables import no_rows
from regraft.verdicts import Reason

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
LINK = Url("http://example.org/cat.jpg")
A, B, C = (Digest(letter * 64) for letter in "abc")
PHOTO = Finding(url=LINK, final_url=LINK, digest=A, phash="0" * 16, width=99, height=99, bytes=9, etag="e")
RESAVED = replace(PHOTO, digest=B, phash="0" * 15 + "1")
OTHER = replace(PHOTO, digest=C, phash="f" * 16)
GONE = Finding(url=LINK, reason=Reason.GONE, http_status=404)
UNCHANGED = Finding(url=LINK, http_status=304, outcome="not_modified")


def memories(*findings: Finding) -> list[pd.DataFrame]:
    """The memory, columns MEMORY, after each of the link's daily checks."""
    links = pd.DataFrame({"url": [LINK], "category": ["cat"]})
    tables = [no_rows(MEMORY)]
    for day, finding in enumerate(findings):
        now = FIRST_DAY + day * DAY
        tables.append(merged(links, [finding], tables[-1], now=now, since=now, near=6))
    return tables[1:]


def reason(memory: pd.DataFrame, accepted_before: datetime | None = None) -> str:
    """The link's reason once it was screened."""
    no_placeholders = no_rows(PLACEHOLDERS)
    judged, _ = last_verdicts(memory, no_placeholders, 6, lambda category, digest: "train", accepted_before)
    return str(judged["reason"].iloc[0])
