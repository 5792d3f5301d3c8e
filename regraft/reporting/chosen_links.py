"""Some links of a version: those of a host, with a reason or verdict, of a category; counted, and in order."""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from regraft.errors import ConfigError, LinkError
from regraft.links.memory import remembered_links
from regraft.links.rot import ARCHIVED, is_archived, shows_photo
from regraft.links.shards import path_of
from regraft.store.store import Store
from regraft.store.tables import is_in
from regraft.verdicts import Reason, Verdict
from regraft.web.urls import host_of, requested_host_of

ALIVE = "alive"
"""How people name the reason of links that need none."""
DIGEST_BEGINNING = re.compile(r"[0-9a-fA-F]{8,64}")
"""What may be the beginning of a picture's digest: stories have 12 digits of it."""
NAMED_REASONS = (*(str(reason) or ALIVE for reason in Reason), ARCHIVED)
"""All reasons as people name them."""
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
    """Texts of reasons; ALIVE for none, and ARCHIVED for none but a web archive's."""
    verdicts: Collection[Verdict] = ()
    """Verdicts."""
    categories: Collection[str] = ()
    """Names of categories."""

    @property
    def is_whole(self) -> bool:
        """Whether all links of the host are wanted."""
        return not (self.reasons or self.verdicts or self.categories)

    def of(self, links: pd.DataFrame) -> pd.DataFrame:
        """Return the links that are wanted, sorted by verdict, reason, category and URL.

        Raises ConfigError where there is no such reason or category, LinkError where no link is of the host.
        """
        _check_names("reason", self.reasons, NAMED_REASONS)
        _check_names("category", self.categories, sorted(links["category"].unique()))
        if self.host:
            links = _of_host_or_picture(links, self.host)
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


def named_reasons(links: pd.DataFrame) -> "pd.Series[str]":
    """Return the reasons of links (reason, outcome) as people name them: ALIVE or ARCHIVED in place of none."""
    reasons = links["reason"].mask(links["reason"] == "", ALIVE)
    return reasons.mask(is_archived(links) & (links["reason"] == ""), ARCHIVED)


def reason_counts(links: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Return how many links have each reason, as people name it: reason, verdict, number; the most first."""
    counts = links.groupby([named_reasons(links), "verdict"]).size().reset_index(name="links")
    counts = counts.sort_values("links", ascending=False, kind="stable")
    return [(str(reason), str(verdict), int(count)) for reason, verdict, count in counts.to_numpy()]


def survivors(links: pd.DataFrame, store: Store) -> tuple[int, int]:
    """Return how many of a version's links ever showed a photo, as far as is remembered, and how many still do."""
    layout = store.layout
    paths = sorted({path_of(url, layout) for url in links["url"]}) if layout else []
    ever = [known["url"][known["trusted_digest"] != ""] for known in (remembered_links(store, p) for p in paths)]
    showed = links[is_in(links["url"], pd.concat(ever))] if ever else links.iloc[:0]
    return len(showed), int(shows_photo(showed).sum())


def _of_host_or_picture(links: pd.DataFrame, word: str) -> pd.DataFrame:
    """The links of a host, or those that show a picture. Raises LinkError, naming hosts like that, where none are."""
    hosts = links["url"].map(host_of)
    wanted = {word.lower().rstrip("."), requested_host_of(f"http://{word.rstrip('.')}/")} - {"?", ""}
    is_of_host = hosts.isin(wanted) | links["url"].map(lambda url: requested_host_of(url) in wanted).astype(bool)
    if is_of_host.any():
        return links[is_of_host]
    shows = links["digest"].str.startswith(word.lower()) if DIGEST_BEGINNING.fullmatch(word) else is_of_host
    if shows.any():
        return links[shows]
    counts = hosts[hosts != "?"].value_counts()
    name = word.lower().removeprefix("www.").strip(".")
    similar = [host for host in counts.index if name and f".{host}".endswith(f".{name}")]
    similar = similar or difflib.get_close_matches(word.lower(), list(counts.index), MAX_SIMILAR)
    named = ", ".join(f"{host} ({counts[host]:,} links)" for host in similar[:MAX_SIMILAR])
    raise LinkError(f"There is no link and no host {word!r}." + (f" Hosts like that: {named}." if named else ""))


def _check_names(kind: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"There is no {kind} {name!r}; there are: {', '.join(known)}.")
