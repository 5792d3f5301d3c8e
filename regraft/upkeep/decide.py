"""What persons decide, as they name it: by a link, a picture's digest or a decision's id; checked before it is kept."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from regraft.config import ScreenSettings
from regraft.dataset.decision import Decision, DecisionKind, standing, undone_ids
from regraft.dataset.decisions import all_decisions
from regraft.dataset.honouring import LEARN, Rulings, of_kind
from regraft.dataset.misfiled import is_among, known_misfiled
from regraft.dataset.placeholders import placeholders_in_force, shows_placeholder
from regraft.errors import LinkError, VersionError
from regraft.identity import DIGEST, DIGEST_BEGINNING, Digest, Url
from regraft.links.findings import NO_DIGEST
from regraft.links.mementos import known_mementos, with_mementos
from regraft.links.memory import MEMORY, all_known_links, remembered_links
from regraft.links.shards import path_of
from regraft.links.spellings import spelt_as
from regraft.store import versions
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.store.tables import no_rows
from regraft.verdicts import Reason, Verdict

WAITS = (Reason.REPLACED, Reason.MISFILED, Reason.PLACEHOLDER, Reason.NEAR_DUPLICATE, Reason.DUPLICATE, Reason.REJECTED)
"""Why a version leaves pictures out that a person may accept."""
TAKES_PICTURE = (*LEARN, DecisionKind.NOT_PLACEHOLDER, DecisionKind.SAME_PICTURE)
"""Decisions that are for nothing where there is no picture to learn from."""


class KnownLink(NamedTuple):
    """What is known of a link in one list."""

    url: Url
    digest: Digest
    """The picture that it shows; "" where it shows none."""
    category: str
    verdict: str
    reason: str
    waits_as: str
    """What its picture waits for a person as: a reason; "" where it does not wait."""


class KnownPictures:
    """One store, as somebody sees it who decides about its pictures. Each table is read once, when it is needed."""

    def __init__(self, store: Store):
        self.store = store
        self._of_shard = cache(self._read_shard)

    @cached_property
    def decisions(self) -> list[Decision]:
        """All decisions until now, in their order."""
        return all_decisions(self.store)

    @cached_property
    def categories(self) -> set[str]:
        """The categories of the newest version's job; where there is no version, those of the links that are known."""
        try:
            return set(versions.newest(self.store).run.config.categories)
        except VersionError:
            return set(self._links["category"])

    def whole_digest(self, text: str) -> str:
        """Return the digest that some hex digits are the beginning of; any other text as it is.

        Raises LinkError where the digests of several pictures begin so.
        """
        if not DIGEST_BEGINNING.fullmatch(text):
            return text
        begin_so = [digest for digest in self._digests if digest.startswith(text.lower())]
        if len(begin_so) > 1:
            raise LinkError(f"The digests of {len(begin_so)} pictures begin with {text}; nothing was changed.")
        return begin_so[0] if begin_so else text

    def links_of(self, name: str) -> list[KnownLink]:
        """Return the links of a URL, one for each list that has it, or those that show a picture, by its digest.

        None where only the picture is known, and no link shows it any more. Raises LinkError where nothing is known.
        """
        if DIGEST.fullmatch(name):
            self._check_picture(Digest(name))
            urls = self._links["url"][self._links["digest"] == name].unique()
            return [link for url in urls for link in self._links_of_url(str(url)) if link.digest == name]
        links = self._links_of_url(name)
        if not links:
            meant = spelt_as(name, pa.chunked_array([self._links["url"].to_list()], pa.string()))
            hint = f" Is it {meant[0]}?" if meant else ""
            raise LinkError(f"{name} is in no list that {self.store.url} knows; nothing was changed.{hint}")
        return links

    def _links_of_url(self, url: str) -> list[KnownLink]:
        return self._of_shard(path_of(url, self._layout)).get(url, []) if self._layout else []

    @cached_property
    def _layout(self) -> Layout | None:
        return self.store.layout

    def _read_shard(self, path: str) -> Mapping[str, list[KnownLink]]:
        """The links of one shard by URL."""
        links = self._with_mementos(remembered_links(self.store, path))
        columns = links[["url", "digest", "category", "verdict", "reason"]].assign(waits_as=self._waits_as(links))
        of_url: dict[str, list[KnownLink]] = {}
        for row in columns.itertuples(index=False, name=None):
            of_url.setdefault(row[0], []).append(KnownLink(*row))
        return of_url

    def check_known(self, decision: Decision) -> None:
        """Raise LinkError where a decision names no picture, or one or a link or category that the store knows not."""
        if decision.url:
            self.links_of(decision.url)
        if decision.digest:
            self._check_picture(decision.digest)
        if not decision.url and not decision.digest:
            raise LinkError("it names neither a link nor a picture; nothing was changed.")
        self.check_categories(decision)

    def check_categories(self, decision: Decision) -> None:
        """Raise LinkError where a decision names a category that the job does not have."""
        for category in {decision.category, decision.to_category} - {""} - self.categories:
            known = ", ".join(sorted(self.categories))
            raise LinkError(f"There is no category {category!r}, only {known}; nothing was changed.")

    def _check_picture(self, digest: Digest) -> None:
        is_known = digest in self._digests or (DIGEST.fullmatch(digest) and self.store.blobs.among([digest]))
        if not is_known:
            raise LinkError(f"{self.store.url} knows no picture {digest!r}; nothing was changed.")

    def _waits_as(self, links: pd.DataFrame) -> "pd.Series[str]":
        """What each of some links, columns MEMORY, waits for a person as: its reason, "" where it does not."""
        keys = ["url", "digest", "category"]
        published = links[keys].merge(self._waiting[[*keys, "reason"]], on=keys, how="left")
        reason = published["reason"].set_axis(links.index).fillna("")
        reason = reason.mask(links["replaced_at"].notna(), Reason.REPLACED)
        reason = reason.mask(is_among(links, self._misfiled), Reason.MISFILED)
        reason = reason.mask(shows_placeholder(links, self._placeholders), Reason.PLACEHOLDER)
        decided = self._rulings.on(links)
        reason = reason.mask(of_kind(decided, links, [DecisionKind.REJECT]), Reason.REJECTED)
        return reason.mask(of_kind(decided, links, LEARN), "").astype(str)

    @cached_property
    def holding(self) -> dict[tuple[str, str], Decision]:
        """The decisions that hold, by digest and category; without those to skip a picture."""
        holding = (decision for decision in standing(self.decisions) if decision.kind is not DecisionKind.SKIP)
        return {(decision.digest, decision.category): decision for decision in holding}

    @cached_property
    def _rulings(self) -> Rulings:
        return Rulings(self.decisions, self.categories)

    @cached_property
    def _links(self) -> pd.DataFrame:
        return self._with_mementos(all_known_links(self.store, remembered_links))

    def _with_mementos(self, links: pd.DataFrame) -> pd.DataFrame:
        """Links, columns MEMORY, in which dead ones show what a web archive has kept of them, as in a version."""
        return with_mementos(links, self._mementos, ScreenSettings().near)

    @cached_property
    def _mementos(self) -> pd.DataFrame:
        return known_mementos(self.store)

    @cached_property
    def _digests(self) -> set[str]:
        return set(self._links["digest"]) - {""}

    @cached_property
    def _waiting(self) -> pd.DataFrame:
        """The links of the newest version that a person may accept, each once."""
        links = versions.newest_table(self.store, "links.parquet")
        links = no_rows(MEMORY) if links is None else links
        return links[links["reason"].isin(WAITS)].drop_duplicates(["url", "digest", "category"])

    @cached_property
    def _misfiled(self) -> pd.DataFrame:
        misfiled = known_misfiled(self.store)
        return misfiled[~misfiled["accepted"]]

    @cached_property
    def _placeholders(self) -> pd.DataFrame:
        return placeholders_in_force(self.store, self._rulings.photos())


def kind_named(text: str) -> DecisionKind:
    """Return the kind of decision of that name. Raises LinkError where there is none."""
    try:
        return DecisionKind(text)
    except ValueError:
        kinds = ", ".join(DecisionKind)
        raise LinkError(f"There is no decision {text!r}, only {kinds}; nothing was changed.") from None


def decisions_on(name: str, wish: Decision, pictures: KnownPictures) -> list[Decision]:
    """Return what somebody wishes as decisions on the pictures that a name stands for: one for each list.

    `name` is a URL, a picture's digest or the beginning of one, or to take a decision back also that decision's id. Of
    the wish count its kind, categories, person, time and words. Raises LinkError where no such picture is known, or
    nothing can be decided.
    """
    if not name:  # a variable of a shell that is not set, say
        raise LinkError("An empty word names no link and no picture; nothing was changed.")
    name = pictures.whole_digest(name)
    if wish.kind is DecisionKind.UNDO:
        return [_undo(name, wish, pictures)]
    links = pictures.links_of(name)
    if wish.category and links:
        links = [link for link in links if link.category == wish.category]
        if not links:
            raise LinkError(f"{name} is not in the list of {wish.category!r}; nothing was changed.")
    pictures.check_categories(wish)
    if not links:  # a picture whose links are gone
        return [replace(wish, digest=Digest(name))]
    _check_shows_picture(name, links, wish.kind)
    decisions = list(_on_each(links, wish))
    if not decisions:
        raise LinkError(f"{name} shows the picture that it is known for; there is nothing to accept.")
    return decisions


def _on_each(links: Sequence[KnownLink], wish: Decision) -> Iterator[Decision]:
    """The wish as a decision on each picture in each list, by its first link; what does not wait is not accepted."""
    firsts = {(link.digest, link.category): link for link in reversed(links) if link.digest}
    for link in reversed(firsts.values()):
        if link.waits_as or wish.kind is not DecisionKind.ACCEPT:
            review = wish.review or link.waits_as
            yield replace(wish, url=link.url, digest=link.digest, category=link.category, review=review)


def _check_shows_picture(name: str, links: Sequence[KnownLink], kind: DecisionKind) -> None:
    """Raise LinkError where links show no picture, or none that a decision of that kind could change anything about."""
    first = links[0]
    if not any(link.digest for link in links):
        raise LinkError(f"{name} shows no picture ({first.reason or first.verdict}); nothing was changed.")
    if kind in TAKES_PICTURE and not any(link.verdict == Verdict.ALIVE for link in links):
        raise LinkError(f"{name} is {first.reason}, and nobody can change that; nothing was changed.")


def _undo(name: str, wish: Decision, pictures: KnownPictures) -> Decision:
    """The wish to take back the decision of that id, or the last one on a picture or link."""
    undone = undone_ids(pictures.decisions)
    earlier = [decision for decision in pictures.decisions if decision.id not in undone]
    digests: set[str] = {name}
    if not any(name in (decision.id, decision.digest, decision.url) for decision in earlier):
        digests = {str(link.digest) for link in pictures.links_of(name)} - {NO_DIGEST}
    for decision in reversed(earlier):
        is_on_picture = decision.digest in digests or decision.url == name
        is_last = is_on_picture and decision.kind is not DecisionKind.UNDO and wish.category in ("", decision.category)
        if decision.id == name or is_last:
            return replace(wish, undoes=decision.id)
    raise LinkError(f"Nobody has decided anything about {name} that could be taken back; nothing was changed.")
