"""Some links of a version: those of a host, with a reason or verdict, of a category; counted, and in order."""

import contextlib
import difflib
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from regraft.errors import ConfigError, LinkError
from regraft.identity import DIGEST_BEGINNING
from regraft.links.memory import remembered_links
from regraft.links.rot import shows_photo
from regraft.links.shards import path_of
from regraft.reporting.link_search import LinkSearch, LinkTable
from regraft.reporting.named_reasons import NAMED_REASONS, named_reasons
from regraft.store.scratch import Scratch
from regraft.store.tables import is_in
from regraft.store.version import Version
from regraft.verdicts import Verdict
from regraft.web.urls import NO_HOST, host_of

LINKS = "links.parquet"
MAX_SIMILAR = 5
"""Hosts that a message names at most."""
VERDICTS = [Verdict.DEAD, Verdict.JUNK, Verdict.UNKNOWN, Verdict.ALIVE]
"""The order of links: first those that something is the matter with."""


@dataclass(frozen=True, kw_only=True)
class LinkChoice:
    """Which links are wanted; what is empty chooses all."""

    host: str = ""
    """A host, however it is written, or the beginning of a picture's digest."""
    reasons: Collection[str] = ()
    """Reasons as people name them, see `named_reasons`."""
    verdicts: Collection[Verdict] = ()
    """Verdicts."""
    categories: Collection[str] = ()
    """Names of categories."""

    @property
    def is_whole(self) -> bool:
        """Whether all links of the host are wanted."""
        return not (self.reasons or self.verdicts or self.categories)

    def of(self, version: Version) -> pd.DataFrame:
        """Return the links of a version that are wanted, sorted by verdict, reason, category and URL.

        Of a host's links only the parts of the table that hold some are read whole. Raises ConfigError where there is
        no such reason or category, LinkError where no link is of the host, VersionError where the table is damaged.
        """
        _check_names("reason", self.reasons, NAMED_REASONS)
        with contextlib.closing(Scratch()) as scratch:
            table = LinkTable(version.opened(LINKS, scratch))
            if self.categories:
                _check_names("category", self.categories, sorted(set(table.counts()["category"])))
            links = _of_host_or_picture(table, self.host) if self.host else table.find(LinkSearch(), table.columns)
        rank = links["verdict"].map({verdict.value: place for place, verdict in enumerate(VERDICTS)})
        links = links.assign(rank=rank, named_reason=named_reasons(links))
        for column, values in (
            ("named_reason", self.reasons),
            ("verdict", self.verdicts),
            ("category", self.categories),
        ):
            links = links[links[column].isin(list(values))] if values else links
        in_order = links.sort_values(["rank", "named_reason", "category", "url"], ignore_index=True)
        return in_order.drop(columns=["rank", "named_reason"])


def reason_counts(links: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Return how many links have each reason, as people name it: reason, verdict, number; the most first."""
    counts = links.groupby([named_reasons(links), "verdict"]).size().reset_index(name="links")
    counts = counts.sort_values("links", ascending=False, kind="stable")
    return [(str(reason), str(verdict), int(count)) for reason, verdict, count in counts.to_numpy()]


def survivors(links: pd.DataFrame, choice: LinkChoice, version: Version) -> tuple[int, int]:
    """Return how many of some links of a version ever showed a photo, as far as is remembered, and how many still do.

    Of all links the version itself says that.
    """
    if not choice.host:
        by_category = version.run.survival.values()
        return sum(each.ever_alive for each in by_category), sum(each.alive for each in by_category)
    store = version.store
    layout = store.layout
    paths = sorted({path_of(url, layout) for url in links["url"]}) if layout else []
    ever = [known["url"][known["trusted_digest"] != ""] for known in (remembered_links(store, p) for p in paths)]
    showed = links[is_in(links["url"], pd.concat(ever))] if ever else links.iloc[:0]
    return len(showed), int(shows_photo(showed).sum())


def _of_host_or_picture(links: LinkTable, word: str) -> pd.DataFrame:
    """The links of a host, or those that show a picture. Raises LinkError, naming hosts like that, where none are."""
    rows = links.find(LinkSearch(host=word), links.columns)
    if rows.empty and DIGEST_BEGINNING.fullmatch(word):
        rows = links.find(LinkSearch(text=word), links.columns)
        rows = rows[rows["digest"].str.startswith(word.lower())]
    if rows.empty:
        raise LinkError(f"There is no link and no host {word!r}.{_hosts_like(word, links)}")
    return rows


def _hosts_like(word: str, links: LinkTable) -> str:
    """A sentence on hosts whose names are like a word, with a space before it; nothing where there are none."""
    counts = links.find(LinkSearch(), ["url"])["url"].map(host_of).value_counts().drop(NO_HOST, errors="ignore")
    name = word.lower().removeprefix("www.").strip(".")
    similar = [host for host in counts.index if name and f".{host}".endswith(f".{name}")]
    similar = similar or difflib.get_close_matches(word.lower(), list(counts.index), MAX_SIMILAR)
    named = ", ".join(f"{host} ({counts[host]:,} links)" for host in similar[:MAX_SIMILAR])
    return f" Hosts like that: {named}." if named else ""


def _check_names(kind: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"There is no {kind} {name!r}; there are: {', '.join(known)}.")
