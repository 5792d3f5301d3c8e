"""Why a link has its verdict: its story over all versions, and when it will be asked again. Plain text, no markup."""

import logging
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import cast

import pandas as pd

from regraft.config import FetchSettings, ScreenSettings
from regraft.dataset.decisions import known_decisions
from regraft.dataset.placeholders import known_placeholders, shows_placeholder
from regraft.errors import LinkError, VersionError
from regraft.identity import Url
from regraft.links.memory import PUBLISHED, remembered_links
from regraft.links.recheck import due_from
from regraft.links.removals import known_removals
from regraft.links.shards import path_of
from regraft.links.spellings import spelt_as
from regraft.reporting.chosen_links import LINKS
from regraft.reporting.link_sentences import (
    Row,
    decision_sentence,
    last_exchange,
    moment_text,
    others_sentence,
    text_of,
    time_of,
    verdict_sentence,
)
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version, published_at
from regraft.verdicts import Reason, Verdict
from regraft.web.urls import NO_HOST, host_of, requested_host_of

STATE = ["verdict", "reason", "digest", "memento"]
"""The columns that make a new sentence where one of them changes."""
MAX_MEANT = 10
"""Links that are told of at most where a word may mean several."""
MAX_VERSIONS = 400
"""Versions that a story goes back at most."""
READERS = 8
"""Versions that are read at the same time: in a bucket it is the wait that takes long."""
NEXT_RUN = "The next run asks for it again."
log = logging.getLogger("regraft")


@dataclass(frozen=True)
class Event:
    """Something that happened to a link."""

    at: datetime
    """When: at the check, or the version, that showed it."""
    sentence: str
    """What, with the time."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """What became of a link over time, in the list of one category. Text in it may come from the web."""

    url: Url
    """The link."""
    category: str
    """The list."""
    events: Sequence[Event]
    """What happened, the oldest first."""
    last_exchange: str
    """What the last request came to, in a sentence."""
    others: str
    """Which other links show the same, in a sentence; empty where none do."""
    asked_next: str
    """When it will be asked again, in a sentence."""
    row: Row
    """Its row in links.parquet of the newest version that has it, by column."""

    @property
    def sentences(self) -> list[str]:
        """The whole story, one sentence after the other."""
        end = [self.last_exchange, self.others, self.asked_next]
        return [event.sentence for event in self.events] + [sentence for sentence in end if sentence]


def stories(store: Store, url: str, now: datetime | None = None) -> list[Story]:
    """Return the story of a link in each list that had it, by category.

    Of each version only the parts that hold the link are read. A damaged version is left out, with a warning. Where no
    version has the link as it is written, the newest version's links that it may mean are told of, see `spellings`.
    Raises LinkError where there is none, VersionError where there is no version.
    """
    url = url.encode("utf-8", "replace").decode()
    read = _rows_by_version(store, url)
    rows = [(version, row) for version, in_version in read for row in in_version]
    if not rows and known_removals(store).has_link(url):
        raise LinkError(f"{url} was removed from {store.url}, or its host was: nothing is kept of it or asked for.")
    if not rows:
        return [story for meant in _meant_links(store, url) for story in stories(store, meant, now)]
    newest, last = read[-1]
    asked_next = _asked_next(store, url, newest, now or datetime.now(UTC)) if last else _not_listed(newest)
    decisions = known_decisions(store)
    categories = sorted({row["category"] for _, row in rows})
    return [
        _story([(version, row) for version, row in rows if row["category"] == category], decisions, asked_next)
        for category in categories
    ]


def _meant_links(store: Store, url: str) -> list[Url]:
    """The links of the newest version that somebody means who writes this one. Raises LinkError where there is none."""
    try:
        urls = versions.newest(store).arrow_table(LINKS, ["url"])["url"]
    except VersionError as error:
        raise LinkError(f"No version that can be read has the link {url!r}: {error}") from error
    if meant := spelt_as(url, urls)[:MAX_MEANT]:
        return meant
    host = requested_host_of(url if "://" in url else f"http://{url}")
    count = 0 if host == NO_HOST else sum(host_of(listed) == host for listed in urls.to_pylist())
    hint = f" Of its host there are {count:,}: `regraft links {host}`." if count else ""
    raise LinkError(f"No version in {store.url} has the link {url!r}.{hint}")


def _story(rows: Sequence[tuple[Version, Row]], decisions: pd.DataFrame, asked_next: str) -> Story:
    """The story of a link in one list, from its rows in the versions that have it."""
    version, last = rows[-1]
    events = [*_events(rows), *_decided([row for _, row in rows], decisions)]
    return Story(
        url=Url(last["url"]),
        category=last["category"],
        events=tuple(sorted(events, key=lambda event: event.at)),
        last_exchange=last_exchange(last),
        others=_others(version, last),
        asked_next=asked_next,
        row=last,
    )


def _rows_by_version(store: Store, url: str) -> list[tuple[Version, list[Row]]]:
    """The rows of a link in each version that can be read, the oldest version first. Raises VersionError for none."""
    chosen = [Version(store, name) for name in versions.names(store)[-MAX_VERSIONS:]] or [versions.newest(store)]
    with ThreadPoolExecutor(READERS) as threads:
        tables = list(threads.map(lambda version: _rows(version, "url", [url]), chosen))
    return [(version, rows) for version, rows in zip(chosen, tables, strict=True) if rows is not None]


def _rows(version: Version, column: str, texts: Collection[str]) -> list[Row] | None:
    """The links of a version in which a column has one of some texts; None, with a warning, where it cannot be read."""
    try:
        return cast(list[Row], version.rows(LINKS, column, texts, PUBLISHED.names).to_dict("records"))
    except VersionError as error:
        if version.is_published:
            log.warning("%s It is left out of the story.", error)
        return None


def _events(rows: Sequence[tuple[Version, Row]]) -> Iterator[Event]:
    """What happened between the versions of one link in one list, each with what is known of it since."""
    before: Row | None = None
    for _, unchanged in groupby(rows, lambda pair: [text_of(pair[1][column]) for column in STATE]):
        (version, first), *later = unchanged
        last = later[-1][1] if later else first
        at = _changed_at(version, first, before)
        yield Event(at, verdict_sentence(last, before, moment_text(at)))
        before = last


def _changed_at(version: Version, row: Row, before: Row | None) -> datetime:
    """When what a version says of a link became so: at its check, or where it was not asked, with the version."""
    was_dead = before is not None and before["verdict"] == Verdict.DEAD
    if not was_dead and not pd.isna(row["dead_since"]):
        return time_of(row["dead_since"])
    if before is None and not pd.isna(row["alive_since"]):
        return time_of(row["alive_since"])  # versions before it may be pruned
    was_asked = before is None or row["checked_at"] > before["checked_at"]
    return time_of(row["checked_at"]) if was_asked else published_at(version.name)


def _decided(rows: Sequence[Row], decisions: pd.DataFrame) -> Iterator[Event]:
    """What persons decided about a link, or about the pictures that it showed."""
    last = rows[-1]
    pictures = {row["digest"] for row in rows} - {""}
    is_on_link = (decisions["url"] == last["url"]) | ((decisions["url"] == "") & decisions["digest"].isin(pictures))
    for decision in decisions[is_on_link & decisions["category"].isin(["", last["category"]])].to_dict("records"):
        yield Event(time_of(decision["decided_at"]), decision_sentence(cast(Row, decision)))


def _others(version: Version, row: Row) -> str:
    """Which other links of a version show what a link's verdict refers to, in a sentence; empty where none do."""
    column, texts = _referred(row)
    if not any(texts):
        return ""
    urls = dict.fromkeys(other["url"] for other in _rows(version, column, texts) or [])
    is_named = text_of(row["detail"]).endswith
    return others_sentence(row["reason"], [url for url in urls if url != row["url"] and not is_named(f" {url}")])


def _referred(row: Row) -> tuple[str, list[str]]:
    """The column, and the texts in it, by which the links are known that a link's verdict refers to."""
    refers_to = text_of(row["refers_to"])
    match row["reason"]:
        case Reason.PLACEHOLDER:
            return "refers_to", [refers_to]
        case Reason.DUPLICATE:
            return "digest", [row["digest"]]
        case Reason.NEAR_DUPLICATE | Reason.MISFILED:
            return "digest", refers_to.split()
        case _:
            return "digest", []


def _not_listed(newest: Version) -> str:
    return f"No list of version {newest.name} has it, so it is not asked any more."


def _asked_next(store: Store, url: str, newest: Version, now: datetime) -> str:
    """When a link will be asked again, by what is remembered of it and the settings of the newest version."""
    layout = store.layout
    if layout is None:
        return NEXT_RUN
    known = remembered_links(store, path_of(url, layout))
    known = known[known["url"] == url].head(1)
    if (known["reason"] == Reason.REMOVED).any():
        return "It is not asked for again."
    due = due_from(known, shows_placeholder(known, known_placeholders(store)), *_settings(newest))
    if due.isna().all() or time_of(due.iloc[0]) <= now:
        return NEXT_RUN
    return f"The first run after {moment_text(due.iloc[0])} asks for it again."


def _settings(newest: Version) -> tuple[FetchSettings, ScreenSettings]:
    """The settings of a version's run; the usual ones where they cannot be read."""
    try:
        config = newest.run.config
    except VersionError as error:
        log.warning("%s When it is asked next is worked out from the usual settings.", error)
        return FetchSettings(), ScreenSettings()
    return config.fetch, config.screen
