"""The links of a version that somebody looks for, page by page: links.parquet is read a group of rows at a time.

So a version of a million links is searched in the memory of one group, and of the numbers of the rows that fit.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regraft.links.memory import COLUMNS
from regraft.reporting.named_reasons import named_reasons_of_arrow
from regraft.store.tables import OpenTable
from regraft.verdicts import Verdict
from regraft.web.urls import PLAIN_HOST_RE2, host_of, requested_host_of, spellings_of_host

# N links of a table, K of them that fit
Rows = NDArray[np.int64]
"""Numbers of some rows of a table, from 0, ascending."""
EQUAL_COLUMNS = ("verdict", "category", "refers_to")
"""The columns whose text is looked for as it is."""
MAX_SEARCHES = 32
"""Searches whose rows are remembered."""


@dataclass(frozen=True, kw_only=True)
class LinkSearch:
    """What links are looked for; what is None or empty does not matter."""

    verdict: Verdict | None = None
    reason: str = ""
    """As people name it, see `named_reasons`."""
    category: str = ""
    host: str = ""
    """However it is written."""
    text: str = ""
    """A part of the URL, in capitals or not, or the beginning of the picture's digest."""
    refers_to: str = ""
    """What their verdicts refer to: a digest, or a placeholder's signature."""
    digests: frozenset[str] = frozenset()
    """The pictures that links show."""
    once: bool = False
    """Whether only links with a picture count, and of those with the same picture only the first."""

    @property
    def columns(self) -> list[str]:
        """The columns that say whether a link fits: the fewer, the less is read. One at least."""
        equal = [name for name in EQUAL_COLUMNS if getattr(self, name)]
        reasons = ["reason", "outcome"] if self.reason else []
        urls = ["url"] if self.text or self.host else []
        digests = ["digest"] if self.text or self.digests or self.once else []
        return [*equal, *reasons, *urls, *digests] or ["verdict"]

    def fits(self, table: pa.Table) -> NDArray[np.bool_]:
        """Return which of N links (`columns`) fit, (N,), but for `once`."""
        fits = np.ones(len(table), dtype=bool)
        for column in EQUAL_COLUMNS:
            if wanted := getattr(self, column):  # versions of earlier Regrafts do not say what verdicts refer to
                fits &= column in table.column_names and _flags(pc.equal(table[column], str(wanted)))
        if self.reason:
            fits &= _flags(pc.equal(named_reasons_of_arrow(table), self.reason))
        if self.digests:
            fits &= _flags(pc.is_in(table["digest"], value_set=pa.array(sorted(self.digests), pa.string())))
        if self.once:
            fits &= _flags(pc.not_equal(table["digest"], ""))
        if self.text:
            in_url = pc.match_substring(table["url"], self.text, ignore_case=True)
            fits &= _flags(pc.or_(in_url, pc.starts_with(table["digest"], self.text.lower())))
        if self.host:
            fits &= _is_of_host(table["url"], self.host)
        return fits


class LinkTable:
    """A version's links.parquet, opened. Raises CorruptError where it is damaged. Safe to use from many threads."""

    def __init__(self, table: OpenTable):
        self._table = table
        self._lock = threading.Lock()
        self._found_rows: OrderedDict[LinkSearch, Rows] = OrderedDict()
        self._counts: pd.DataFrame | None = None

    def __len__(self) -> int:
        return len(self._table)

    @property
    def columns(self) -> list[str]:
        """The names of its columns; those of earlier Regrafts lack some."""
        return self._table.columns

    def rows(self, search: LinkSearch) -> Rows:
        """Return the rows that fit a search, (K,)."""
        with self._lock:
            if search in self._found_rows:
                self._found_rows.move_to_end(search)
                return self._found_rows[search]
        rows = self._search(search)
        with self._lock:
            self._found_rows[search] = rows
            while len(self._found_rows) > MAX_SEARCHES:
                self._found_rows.popitem(last=False)
        return rows

    def read(self, rows: Rows, columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
        """Return some columns of a few rows, in the rows' order; a column that the table lacks is null."""
        return self._table.rows(rows, columns)

    def find(self, search: LinkSearch, columns: Sequence[str] = COLUMNS, limit: int | None = None) -> pd.DataFrame:
        """Return the first `limit` links that fit a search, all of them without one."""
        return self.read(self.rows(search)[:limit], columns)

    def counts(self) -> pd.DataFrame:
        """Return how many links each (category, verdict, reason) has, and how many with a picture; the most first.

        The columns are these three, `links` and `pictures`. Reasons are as people name them.
        """
        if self._counts is None:
            keys, parts = ["category", "verdict", "reason"], []
            for _, table in self._table.groups([*keys, "outcome", "digest"]):
                table = table.set_column(table.column_names.index("reason"), "reason", named_reasons_of_arrow(table))
                has_picture = pc.cast(pc.not_equal(table["digest"], ""), pa.int64())
                table = table.append_column("pictures", has_picture)
                counted = table.group_by(keys).aggregate([("pictures", "count"), ("pictures", "sum")])
                parts.append(counted.rename_columns([*keys, "links", "pictures"]))
            counts = pa.concat_tables(parts).to_pandas(use_threads=False).groupby(keys, as_index=False).sum()
            self._counts = counts.sort_values(["links", *keys], ascending=[False, True, True, True], ignore_index=True)
        return self._counts

    def hashes(self) -> tuple[Rows, "pd.Series[str]"]:
        """Return the rows of the links with a perceptual hash, (K,), and these hashes, (K,)."""
        rows, hashes = [np.empty(0, np.int64)], [pd.Series(dtype=str)]
        for start, table in self._table.groups(["phash"]):
            has_hash = np.flatnonzero(_flags(pc.not_equal(table["phash"], "")))
            rows.append(has_hash + start)
            hashes.append(table["phash"].take(pa.array(has_hash)).to_pandas())
        return np.concatenate(rows), pd.concat(hashes, ignore_index=True)

    def _search(self, search: LinkSearch) -> Rows:
        rows, digests = [np.empty(0, np.int64)], [np.empty(0, "S64")]
        for start, table in self._table.groups(search.columns):
            fitting = np.flatnonzero(search.fits(table))
            rows.append(fitting + start)
            if search.once:
                digests.append(np.array(table["digest"].take(pa.array(fitting)).to_pylist(), dtype="S64"))
        found_rows = np.concatenate(rows)
        if not search.once:
            return found_rows
        _, firsts = np.unique(np.concatenate(digests), return_index=True)
        return found_rows[np.sort(firsts)]


def _is_of_host(urls: pa.ChunkedArray, host: str) -> NDArray[np.bool_]:
    """Which of N URLs are of a host, (N,), however they are written, and it is. Few are looked at in Python."""
    names = spellings_of_host(host)
    may_be = pc.invert(pc.match_substring_regex(urls, PLAIN_HOST_RE2))
    for name in names:
        may_be = pc.or_(may_be, pc.match_substring(urls, name, ignore_case=True))
    fits = _flags(may_be)
    few = urls.take(pa.array(np.flatnonzero(fits))).to_pylist()
    fits[fits] = [host_of(url) in names or requested_host_of(url) in names for url in few]
    return fits


def _flags(flags: pa.ChunkedArray) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(flags, False), dtype=bool)
