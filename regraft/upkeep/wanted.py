"""What words want gone: links, hosts, pictures; and what a store knows of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from regraft.config import ScreenSettings
from regraft.dataset.placeholders import known_placeholders
from regraft.errors import LinkError, VersionError
from regraft.identity import DIGEST_BEGINNING, DIGEST_DIGITS, Digest, Host
from regraft.links.list_header import URL
from regraft.links.list_text import cleaned_urls, is_row
from regraft.links.mementos import known_mementos
from regraft.links.memory import all_known_links
from regraft.links.rehash import with_current_hashes
from regraft.links.removals import Kind, hash_of_host, hash_of_link, known_removals
from regraft.pictures.hash_bands import HASH_BITS
from regraft.pictures.near import hash_bits, nearest_distances
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import is_in
from regraft.store.version import Version
from regraft.upkeep.receipt import RemovedHash
from regraft.verdicts import Reason
from regraft.web.hosts import ascii_host
from regraft.web.urls import requested_host_of

# N pictures
COLUMNS = ["url", "digest", "phash", "reason"]
"""The columns of what links showed: "" where a table says nothing."""
EXAMPLES_IN_MESSAGE = 3


@dataclass(frozen=True)
class Wanted:
    """What somebody wants gone: a link, a host, or a picture."""

    kind: Kind
    text: str
    """A URL, a host's name in ASCII, or a digest or the beginning of one."""
    place: str = ""
    """Where that stands, for messages: "line 3"."""

    @property
    def name(self) -> str:
        """Its text, and where that stands, as messages name it."""
        return f"{self.text} ({self.place})" if self.place else self.text

    @property
    def is_beginning(self) -> bool:
        """Whether it is only the beginning of a digest."""
        return self.kind is Kind.PICTURE and len(self.text) < DIGEST_DIGITS

    @property
    def hashes(self) -> Iterator[RemovedHash]:
        """What is kept of a link or a host; of a picture it takes more, see `Search.pictures`."""
        match self.kind:
            case Kind.LINK:
                host = hash_of_host(requested_host_of(self.text))
                yield RemovedHash(kind=Kind.LINK, hash=hash_of_link(self.text), host=host)
            case Kind.HOST:
                yield RemovedHash(kind=Kind.HOST, hash=hash_of_host(Host(self.text)))


def wanted_of(word: str, place: str = "") -> Wanted:
    """Return what a word means: a digest (its first digits at least), a host's name, or else a link's URL.

    Raises LinkError where it is empty, or a host with a port.
    """
    text = word.strip()
    if not text:
        raise LinkError(f"{place or 'The word'} is empty; expected a URL, a host or a digest. Nothing was changed.")
    if DIGEST_BEGINNING.fullmatch(text):
        return Wanted(Kind.PICTURE, text.lower(), place)
    if "/" in text or " " in text:
        return Wanted(Kind.LINK, text, place)
    try:
        return Wanted(Kind.HOST, ascii_host(text), place)
    except ValueError as error:
        raise LinkError(
            f"{place + ': ' if place else ''}{text!r} is no URL, no host and no digest ({error}); a host is named "
            "without a port. Nothing was changed."
        ) from error


def wanted_in(text: str, name: str) -> list[Wanted]:
    """Return what the lines of a file want gone, read as the lines of a list are: what begins with # is a comment.

    The first line may name the column, as `url`. Raises LinkError, naming the file and the line, where one is nothing
    of the kind, or where there is none.
    """
    lines = [(number, line) for number, line in enumerate(cleaned_urls(text.splitlines()), 1) if is_row(line)]
    if lines and lines[0][1].casefold() == URL:
        lines = lines[1:]
    wanted = [wanted_of(line, f"{name}, line {number}") for number, line in lines]
    if not wanted:
        raise LinkError(f"{name} names nothing: expected a URL, a host or a digest a line. Nothing was changed.")
    return wanted


class Search:
    """What a store knows of what is wanted gone: from today's links, and from every version."""

    def __init__(self, store: Store, wanted: Sequence[Wanted]):
        self._store, self._wanted = store, wanted
        self._removals = known_removals(store)

    def check_known(self, ahead: bool) -> None:
        """Raise LinkError where something is not known, unless that is so `ahead` of its coming.

        Raises LinkError too where a beginning of a digest is that of no picture, or of several.
        """
        unknown = [each for each in self._wanted if not self._knows(each)]
        for each in unknown:
            if each.is_beginning:
                raise LinkError(
                    f"{each.name} is the beginning of no picture's digest here, or of several; nothing was changed."
                )
        if unknown and not ahead:
            some = "; ".join(each.name for each in unknown[:EXAMPLES_IN_MESSAGE])
            more = f" and {len(unknown) - EXAMPLES_IN_MESSAGE} more" if len(unknown) > EXAMPLES_IN_MESSAGE else ""
            raise LinkError(
                f"{self._store.url} knows nothing of {some}{more}; nothing was changed. `regraft remove --ahead` "
                "keeps out what is not here yet."
            )

    def pictures(self) -> dict[str, str]:
        """Return the digests of the pictures that go, and their perceptual hashes, "" where nobody knows one.

        Of a link that is every picture that it ever showed, but for placeholders.
        """
        hashes = {its.hash for each in self._wanted for its in each.hashes}
        is_of_link = self._link_hashes.isin(hashes) | self._hosts.isin(self._texts(Kind.HOST))
        placeholders = set(known_placeholders(self._store)["digest"])
        is_placeholder = (self._shown["reason"] == Reason.PLACEHOLDER) | is_in(self._shown["digest"], placeholders)
        is_wanted = self._digests_of_beginnings | self._texts(Kind.PICTURE)
        is_of_picture = is_in(self._shown["digest"], is_wanted)
        rows = self._shown[(self._shown["digest"] != "") & ((is_of_link & ~is_placeholder) | is_of_picture)]
        rows = with_current_hashes(rows[["digest", "phash"]], self._store.blobs).sort_values("phash")
        complete = {each.text: "" for each in self._wanted if each.kind is Kind.PICTURE and not each.is_beginning}
        return complete | dict(zip(rows["digest"], rows["phash"], strict=True))

    def look_alikes(self, pictures: Mapping[str, str]) -> pd.DataFrame:
        """Return other pictures (url, digest, phash, distance) that look like some, the nearest first.

        The distance is that of the perceptual hashes, in bits of 64, mirrored or not.
        """
        rows = self._shown[(self._shown["phash"] != "") & ~is_in(self._shown["digest"], pictures)]
        rows = rows[~is_in(rows["digest"], self._removals.pictures)]
        rows = with_current_hashes(rows, self._store.blobs)
        wanted = hash_bits(pd.Series(sorted(set(pictures.values()) - {""}), dtype="str"))
        distance = nearest_distances(hash_bits(rows["phash"]), wanted, ScreenSettings().near)
        near = rows.assign(distance=distance)[distance < HASH_BITS]
        by_digest = near.sort_values(["distance", "digest", "url"]).groupby("digest", sort=False)
        return by_digest.agg({"url": "last", "phash": "last", "distance": "min"}).reset_index()

    def _knows(self, wanted: Wanted) -> bool:
        """Whether anything is known of it, or it was removed before."""
        match wanted.kind:
            case Kind.LINK:
                hashes = {its.hash for its in wanted.hashes}
                return not hashes.isdisjoint(self._known_links) or self._removals.has_link(wanted.text)
            case Kind.HOST:
                return wanted.text in self._known_hosts or self._removals.has_host(wanted.text)
        if wanted.is_beginning:
            return len(self._beginning_with(wanted.text)) == 1
        is_known = wanted.text in self._known_digests or self._removals.has_picture(wanted.text)
        return is_known or self._store.blobs.has(Digest(wanted.text))

    def _texts(self, kind: Kind) -> set[str]:
        return {each.text for each in self._wanted if each.kind is kind}

    def _beginning_with(self, text: str) -> set[str]:
        return {digest for digest in self._known_digests if digest.startswith(text)}

    @cached_property
    def _digests_of_beginnings(self) -> set[str]:
        """The digests of which only the beginning is wanted."""
        beginnings = [each.text for each in self._wanted if each.is_beginning]
        return {digest for text in beginnings for digest in self._beginning_with(text)}

    @cached_property
    def _shown(self) -> pd.DataFrame:
        """Every picture with every link that ever showed it, columns COLUMNS; links that never did have a row too.

        What a web archive has kept of a link counts as shown by that link.
        """
        known = all_known_links(self._store)
        trusted = known.assign(digest=known["trusted_digest"], phash=known["trusted_phash"], reason="")
        published = [table for version in versions.published(self._store) for table in _shown_in(version)]
        tables = (known, trusted, known_mementos(self._store), *published)
        rows = pd.concat([table.reindex(columns=COLUMNS) for table in tables], ignore_index=True)
        return rows.astype("str").where(rows.notna(), "").drop_duplicates(ignore_index=True)

    @cached_property
    def _hosts(self) -> "pd.Series[str]":
        """The hosts of the links, in their order; "" where a row is of none."""
        return self._shown["url"].map(lambda url: requested_host_of(url) if url else "")

    @cached_property
    def _link_hashes(self) -> "pd.Series[str]":
        """The hashes of those links whose host is that of a wanted one, in their order; "" for the others."""
        wanted = {requested_host_of(text) for text in self._texts(Kind.LINK)}
        urls = self._shown["url"].where(self._hosts.isin(wanted), "")
        return urls.map(lambda url: hash_of_link(url) if url else "")

    @cached_property
    def _known_links(self) -> set[str]:
        return set(self._link_hashes)

    @cached_property
    def _known_hosts(self) -> set[str]:
        return set(self._hosts)

    @cached_property
    def _known_digests(self) -> set[str]:
        return set(self._shown["digest"]) - {""}


def _shown_in(version: Version) -> Iterator[pd.DataFrame]:
    """What a version says that links showed; nothing where it is damaged: then its tables go."""
    for file in ("links.parquet", "manifest.parquet", "holdout.parquet"):
        try:
            table = version.table(file, [*COLUMNS, "urls"])
        except VersionError:
            continue
        yield table.explode("urls").rename(columns={"urls": "url"}) if "urls" in table else table
