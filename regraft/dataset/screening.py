"""What only all links together can tell: placeholders, duplicates, near-duplicates, pictures in two categories."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from regraft.config import ScreenSettings, SplitSettings
from regraft.dataset import references
from regraft.dataset.decision import DecisionKind
from regraft.dataset.honouring import IS_KNOWN, LEARN, NO_RULINGS, Rulings, of_kind
from regraft.dataset.misfiled import is_among, known_misfiled
from regraft.dataset.placeholders import learn_placeholders, shares_bytes, shows_placeholder
from regraft.dataset.splits import SPLITS, Split, split_of
from regraft.identity import short_digest
from regraft.links.mementos import MEMENTOS, known_mementos, with_mementos
from regraft.links.memory import COLUMNS, OF_AN_ARCHIVE
from regraft.links.rot import survival
from regraft.pictures.near import clusters
from regraft.store.run_record import Survival
from regraft.store.store import Store
from regraft.store.tables import is_in, no_rows
from regraft.verdicts import Reason, Verdict

PICTURES = ["digest", "category", "urls", "width", "height", "phash", "cluster"]
"""The columns of the pictures to learn from, a row a digest: `urls` are all URLs that show it, the one that is kept
first, and `cluster` is the smallest digest of its near-duplicates."""
log = logging.getLogger("regraft")
UNLABELLED = "nothing labels it in the category that it was moved to"
UNDECODED = "it is whole, but it does not decode for the backbone"


@dataclass(frozen=True)
class Screened:
    """What a run's links came to."""

    links: pd.DataFrame
    """Columns memory.COLUMNS and OF_AN_ARCHIVE, with their last verdicts."""
    pictures: pd.DataFrame
    """The pictures to learn from, columns PICTURES."""
    survival: dict[str, Survival]
    """How many of the links that ever showed a picture still do, by category."""
    decisions: pd.DataFrame
    """All decisions, see `Rulings.table`."""

    @property
    def learnt_by_decision(self) -> set[str]:
        """The digests of the pictures that a person decided to learn from, whatever speaks against it."""
        decisions = self.decisions[self.decisions["kind"].isin(LEARN)]
        return set(self.links["digest"][is_in(self.links["decision"], decisions["id"])])

    def without_misfiled(self, misfiled: pd.DataFrame) -> "Screened":
        """Return it without pictures, columns misfiled.MISFILED, that are in the wrong list."""
        misfiled = misfiled[is_among(misfiled, self.pictures)]  # a picture may be known of two lists
        if misfiled.empty:
            return self
        return self._without(misfiled, Reason.MISFILED, references.to_neighbours(misfiled))

    def without_undecoded(self, pictures: pd.DataFrame) -> "Screened":
        """Return it without pictures (digest, category) that cannot be decoded for the backbone."""
        return self._without(pictures, Reason.TRUNCATED, references.to_itself(pictures, UNDECODED))

    def without_unlabelled(self, pictures: pd.DataFrame) -> "Screened":
        """Return it without pictures (digest, category) that a person moved to a category whose list has no label."""
        if pictures.empty:
            return self
        return self._without(pictures, Reason.REJECTED, references.to_itself(pictures, UNLABELLED))

    def _without(self, dropped: pd.DataFrame, reason: Reason, reference: pd.DataFrame) -> "Screened":
        """Return it without some pictures (digest, category), whose links get the reason and the reference."""
        links = self.links.astype({"distance": "Int16"})  # a draft's has no nulls of integers
        is_dropped = is_among(self.pictures, dropped)
        shows_dropped = is_in(links["digest"], self.pictures["digest"][is_dropped])
        is_left_out = (links["verdict"] == Verdict.ALIVE) & shows_dropped
        _drop(links, is_left_out, reason, lambda dropped: reference.reindex(dropped["digest"]))
        return replace(self, links=links, pictures=self.pictures[~is_dropped].reset_index(drop=True))


def screen(
    links: pd.DataFrame,
    settings: ScreenSettings,
    split: SplitSettings,
    seed: int,
    store: Store,
    now: datetime,
    rulings: Rulings = NO_RULINGS,
) -> Screened:
    """Return the last verdicts on links, columns memory.MEMORY, once the store knows the placeholders that they show.

    Dead links show what a web archive has kept of them, where the store knows of such and the settings want it.
    Pictures that are known to be misfiled are dropped last: they stay in the clusters that they were found in.
    """
    for move in rulings.moved_away:
        message = "Picture %s was moved to %r, which is no category of this job: it is left out."
        log.warning(message, short_digest(move.digest), move.to_category)
    mementos = known_mementos(store) if settings.archived else no_rows(MEMENTOS)
    links = with_mementos(links, mementos, settings.near)
    placeholders = learn_placeholders(links, store, now, rulings.photos())
    days = settings.accept_replaced_days
    accepted_before = now - timedelta(days=days) if days is not None else None
    split_of_picture = partial(split_of, split, seed)
    judged, pictures = last_verdicts(links, placeholders, settings.near, split_of_picture, accepted_before, rulings)
    decisions = rulings.table(judged["decision"])
    screened = Screened(judged[[*COLUMNS, *OF_AN_ARCHIVE.names]], pictures, survival(links, judged), decisions)
    if not settings.misfiled:
        return screened
    misfiled = known_misfiled(store)
    left_out = ~misfiled["accepted"] & ~is_in(misfiled["digest"], screened.learnt_by_decision)
    return screened.without_misfiled(misfiled[left_out])


def last_verdicts(
    links: pd.DataFrame,
    placeholders: pd.DataFrame,
    near: int,
    split_of_picture: Callable[[str, str], Split],
    accepted_before: datetime | None = None,
    rulings: Rulings = NO_RULINGS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the links with their last verdicts, and the pictures to learn from, columns PICTURES.

    Two pictures are near-duplicates if at most `near` of the 64 bits of their perceptual hashes differ. Such must not
    lie in two splits: of a cluster that would, the members in its most held-out split stay, and the others go;
    `split_of_picture(category, digest)` says in which split a picture is. A link that shows another picture than the
    one that it is known for is `replaced`, unless it has shown it since before `accepted_before`. What persons decided
    goes before all that is only seen; a column `decision` has the id of the decision that holds for a link.
    """
    decided, links = rulings.on(links), references.without_references(links)
    links["decision"] = decided["decision"].reindex(links.index, fill_value="")
    is_blank = links["reason"] == Reason.PLACEHOLDER
    _drop(links, is_blank, Reason.PLACEHOLDER, references.to_addresses)
    shows = shows_placeholder(links, placeholders)
    _drop(links, shows, Reason.PLACEHOLDER, partial(references.to_placeholders, placeholders=placeholders))
    is_rejected = of_kind(decided, links, [DecisionKind.REJECT])
    _drop(links, (links["verdict"] == Verdict.ALIVE) & is_rejected, Reason.REJECTED)
    is_replaced = _is_replaced(links, placeholders, accepted_before) & ~of_kind(decided, links, IS_KNOWN)
    _drop(links, is_replaced, Reason.REPLACED, references.to_replaced)
    listed, links["category"] = links["category"], _categories(links, decided)
    is_of_another = _is_of_another_list(links, decided)
    is_duplicate = is_of_another | _is_duplicate(links, is_of_another)
    _drop(links, is_duplicate, Reason.DUPLICATE, lambda _: references.to_copies(links, is_duplicate))
    pictures = _pictures(links)
    links["category"] = listed
    pictures["cluster"] = _clusters(pictures, near, _is_unlike_its_cluster(pictures, links, decided))
    clusters = pictures[pictures["cluster"].duplicated(keep=False)]
    if clusters.empty:
        return links, pictures[PICTURES]
    splits = [split_of_picture(c, d) for c, d in zip(clusters["category"], clusters["digest"], strict=True)]
    split = pd.Series(splits, clusters.index, dtype=object)
    clashes = _clashes(clusters["cluster"], split)
    twins = references.to_near_duplicates(clusters, clashes, split)
    is_near = (links["verdict"] == Verdict.ALIVE) & is_in(links["digest"], twins.index)
    _drop(links, is_near, Reason.NEAR_DUPLICATE, lambda dropped: twins.reindex(dropped["digest"]))
    return links, pictures[PICTURES].drop(clashes.index[clashes]).reset_index(drop=True)


def _drop(
    links: pd.DataFrame,
    which: "pd.Series[bool] | NDArray[np.bool_]",
    reason: Reason,
    references_of: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> None:
    """Give links a reason, and what it refers to: `references_of` has a row for each of those links, in their order."""
    if not which.any():
        return
    reference = references_of(links[which]) if references_of else pd.DataFrame()
    links.loc[which, "verdict"] = reason.verdict
    links.loc[which, "reason"] = reason
    for name in reference:
        links.loc[which, name] = reference[name].array


def _is_replaced(
    links: pd.DataFrame, placeholders: pd.DataFrame, accepted_before: datetime | None
) -> "pd.Series[bool]":
    """Which links show another picture than the one that they are known for, and nobody has accepted it."""
    known_for_placeholder = is_in(links["trusted_digest"], set(placeholders["digest"]) - {""})
    is_replaced = (links["verdict"] == Verdict.ALIVE) & links["replaced_at"].notna() & ~known_for_placeholder
    return is_replaced if accepted_before is None else is_replaced & (links["replaced_at"] > accepted_before)


def _categories(links: pd.DataFrame, decided: pd.DataFrame) -> "pd.Series[str]":
    """The category that each link's picture is learnt as: that of its list, or the one that it was moved to."""
    moved = decided["to_category"][decided["kind"] == DecisionKind.MOVE]
    return moved.astype(links["category"].dtype).reindex(links.index).fillna(links["category"])


def _is_of_another_list(links: pd.DataFrame, decided: pd.DataFrame) -> "pd.Series[bool]":
    """Which links show a picture that a person decided to learn from, but in another category."""
    is_decided = of_kind(decided, links, LEARN)
    if not is_decided.any():
        return pd.Series(False, links.index)
    wanted = links[["digest", "category"]][is_decided]
    is_wanted = is_among(links, wanted)
    return (links["verdict"] == Verdict.ALIVE) & is_in(links["digest"], wanted["digest"]) & ~is_wanted


def _clusters(pictures: pd.DataFrame, near: int, stand_alone: "pd.Series[bool]") -> "pd.Series[str]":
    """The smallest digest of each picture's near-duplicates; its own for those that a person says stand alone."""
    others = pictures[~stand_alone]
    leaders = clusters(others["phash"], others["digest"], near).set_axis(others.index)
    return leaders.reindex(pictures.index).fillna(pictures["digest"])


def _is_unlike_its_cluster(pictures: pd.DataFrame, links: pd.DataFrame, decided: pd.DataFrame) -> "pd.Series[bool]":
    """Which pictures a person accepted that had waited as a near-duplicate of another: it is another picture."""
    if decided.empty:
        return pd.Series(False, pictures.index)
    accepted = decided[decided["kind"].isin(LEARN) & (decided["review"] == Reason.NEAR_DUPLICATE)]
    return is_in(pictures["digest"], links.loc[accepted.index, "digest"])


def _is_duplicate(links: pd.DataFrame, is_of_another: "pd.Series[bool]") -> "pd.Series[bool]":
    """Which links show bytes that an earlier link of their category shows, or that a link of another category shows.

    Those left out that a person decided are of another list's category.
    """
    is_shared = shares_bytes(links) & ~is_of_another
    if not is_shared.any():
        return is_shared
    shared = links[["digest", "category", "first_seen", "url", "verdict"]][is_shared]
    shared = shared[shared["verdict"] == Verdict.ALIVE]
    in_many = shared.groupby("digest")["category"].transform("nunique") > 1
    in_one = shared[~in_many].sort_values(["digest", "first_seen", "url"])
    later = in_one.index[in_one["digest"].duplicated()]
    return pd.Series(links.index.isin(shared.index[in_many].append(later)), links.index)


def _pictures(links: pd.DataFrame) -> pd.DataFrame:
    """One row for each digest that is alive; columns PICTURES, but for the cluster."""
    columns = ["digest", "category", "width", "height", "phash", "url"]
    pictures = links[columns][links["verdict"] == Verdict.ALIVE].sort_values("digest", ignore_index=True)
    copies = links[["digest", "url"]][shares_bytes(links) & (links["reason"] == Reason.DUPLICATE)]
    copies = copies.sort_values("url")
    pictures["url"] = _with_copies(pictures, copies[is_in(copies["digest"], pictures["digest"])])
    return pictures.rename(columns={"url": "urls"})


def _with_copies(pictures: pd.DataFrame, copies: pd.DataFrame) -> "pd.Series[list[str]]":
    """The URLs of each picture: its own, then those of its copies (digest, url) in their order. Both as Arrow lists."""
    digests, copied = (pa.array(table["digest"], pa.large_string()) for table in (pictures, copies))
    rows = np.concatenate([np.arange(len(pictures)), pc.index_in(copied, value_set=digests).to_numpy()])
    urls = pa.concat_tables(pa.table({"url": table["url"]}) for table in (pictures, copies))["url"]
    urls = urls.cast(pa.string()).combine_chunks()
    ends = np.bincount(rows, minlength=len(pictures)).cumsum()
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    lists = pa.ListArray.from_arrays(offsets, urls.take(pa.array(np.argsort(rows, kind="stable"))))
    return pd.Series(pd.arrays.ArrowExtensionArray(lists))


def _clashes(cluster: "pd.Series[str]", split: "pd.Series[str]") -> "pd.Series[bool]":
    """Which pictures have a near-duplicate in a split that is held out more: test before validation before train."""
    rank = split.map({name: rank for rank, name in enumerate(SPLITS)})
    return rank < rank.groupby(cluster).transform("max")
