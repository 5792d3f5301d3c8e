"""What all pages of one server share: the store, its tables as they are opened, thumbnails, and who may come in."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query, Request

from regraft.dataset.decision import Decision
from regraft.dataset.decision_files import FOLDER
from regraft.dataset.decisions import all_decisions
from regraft.errors import RegraftError
from regraft.flows.web.access import Access
from regraft.flows.web.thumbnails import Thumbnails
from regraft.reporting.link_search import LinkTable
from regraft.reporting.outlook import TitledChart, charts
from regraft.reporting.report import forecasts
from regraft.reporting.review import ReviewItem, reviewed, waiting
from regraft.store import versions
from regraft.store.scratch import Scratch
from regraft.store.store import Store
from regraft.store.tables import OpenTable
from regraft.store.version import Version
from regraft.upkeep.purge import AskPrefect

log = logging.getLogger("regraft")
MAX_OPEN_TABLES = 8
LINKS, LIVES = "links.parquet", "lives.parquet"
T = TypeVar("T")
Key = tuple[object, ...]
"""What something is made from: a version, a file, and the file's digest, which changes where something is removed."""


class Opened(Generic[T]):
    """What was wanted last, such as tables, which stays open for the next page. Safe to use from many threads."""

    def __init__(self, size: int = MAX_OPEN_TABLES) -> None:
        self._size = size
        self._tables: OrderedDict[Key, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], T]) -> T:
        """Return what is open for a key; `make` opens it where nothing is."""
        with self._lock:
            if key not in self._tables:
                self._tables[key] = make()
            self._tables.move_to_end(key)
            while len(self._tables) > self._size:
                self._tables.popitem(last=False)
            return self._tables[key]

    def clear(self) -> None:
        """Let go of all that is open."""
        with self._lock:
            self._tables.clear()


@dataclass(frozen=True)
class Site:
    """What pages are made from. Safe to use from many threads."""

    store: Store
    access: Access
    thumbnails: Thumbnails
    ask_prefect: AskPrefect | None = None
    """Has Prefect forget what is removed; None where nobody has asked for that."""
    _links: "Opened[LinkTable]" = field(default_factory=lambda: Opened())
    _tables: "Opened[OpenTable]" = field(default_factory=lambda: Opened())
    _waiting: "Opened[list[ReviewItem]]" = field(default_factory=lambda: Opened(1))
    _charts: "Opened[list[TitledChart]]" = field(default_factory=lambda: Opened(1))
    _decisions: "Opened[list[Decision]]" = field(default_factory=lambda: Opened(1))
    _copies: Scratch = field(default_factory=Scratch)
    """Where tables of a remote store are copied to."""

    def links(self, version: Version) -> LinkTable:
        """Return a version's links. Raises VersionError."""
        return self._links.get(_key(version, LINKS), lambda: LinkTable(self.table(version, LINKS)))

    def table(self, version: Version, file: str) -> OpenTable:
        """Return a version's table, opened. Raises VersionError."""
        return self._tables.get(_key(version, file), lambda: version.opened(file, self._copies))

    def waiting(self, version: Version) -> list[ReviewItem]:
        """Return what a version leaves to a person, be it decided by now or not. Raises VersionError."""
        return self._waiting.get(_key(version, LINKS), lambda: waiting(reviewed(version, partial(self.table, version))))

    def charts(self, version: Version) -> list[TitledChart]:
        """Return how long a version's links have lasted and will last. Raises VersionError."""

        def drawn() -> list[TitledChart]:
            run = version.run
            return charts(run, version.table(LIVES), forecasts(run)) if version.has(LIVES) else []

        return self._charts.get(_key(version, LIVES), drawn)

    def decisions(self) -> list[Decision]:
        """Return all decisions in their order; they are read anew only where their files have changed."""
        return self._decisions.get(tuple(self.store.disk.sizes(FOLDER).items()), lambda: all_decisions(self.store))

    def prepare(self) -> None:
        """Work out what the first page shows of the newest version, so that nobody waits for that."""
        try:
            newest = versions.newest(self.store)
            self.links(newest).counts()
            self.waiting(newest)
        except RegraftError as error:  # the page says so too
            log.info("nothing is prepared: %s", error)

    def forget(self) -> None:
        """Let go of all that was read, and of all copies and thumbnails: somebody had some of it removed."""
        for opened in (self._links, self._tables, self._waiting, self._charts, self._decisions):
            opened.clear()
        self._copies.clear()
        self.store.features.forget_copies()
        self.thumbnails.forget()

    def close(self) -> None:
        """End what runs beside the server."""
        self.thumbnails.close()
        self._copies.close()


def _key(version: Version, file: str) -> Key:
    """A version's file as it is now; versions of earlier Regrafts have no digests, so there its size must do."""
    return version.name, file, version.digests.get(file) or version.store.disk.size(f"{version.path}/{file}")


def site_of(request: Request) -> Site:
    """Return the site of the server that a request has come to."""
    site: Site = request.app.state.site
    return site


SiteOf = Annotated[Site, Depends(site_of)]
"""The site, as an argument of a page."""


def version_of(site: SiteOf, version: str = "newest") -> Version:
    """Return the version that a page is about. Raises VersionError."""
    return versions.named(site.store, version)


VersionOf = Annotated[Version, Depends(version_of)]
"""The version that a page's `version` names, the newest where it names none."""
PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
"""The number of a page of many, from 1."""
