"""The reasons of links as people name them: those that need none are alive, or kept by a web archive."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from regraft.links.rot import ARCHIVED, is_archived
from regraft.verdicts import Reason

ALIVE = "alive"
"""The name of links that need no reason."""
NAMED_REASONS = (*(str(reason) or ALIVE for reason in Reason), ARCHIVED)
"""All names."""


def named_reasons(links: pd.DataFrame) -> "pd.Series[str]":
    """Return the reasons of links (reason, outcome) as people name them: ALIVE or ARCHIVED in place of none."""
    reasons = links["reason"].mask(links["reason"] == Reason.ALIVE, ALIVE)
    return reasons.mask(is_archived(links) & (links["reason"] == Reason.ALIVE), ARCHIVED)


def named_reasons_of_arrow(links: pa.Table) -> pa.ChunkedArray:
    """Return the same of an Arrow table, which may lack the outcomes: earlier Regrafts knew none from archives."""
    archived = "outcome" in links.column_names and pc.fill_null(pc.equal(links["outcome"], ARCHIVED), False)
    names = pc.if_else(archived, ARCHIVED, ALIVE)
    return pc.if_else(pc.equal(links["reason"], Reason.ALIVE), names, links["reason"])
