"""What waits for a person: pictures that a version left out or doubts, and about which nobody has decided."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from regraft.dataset.decision import Decision, DecisionKind, standing
from regraft.dataset.misfiled import known_misfiled
from regraft.identity import Digest
from regraft.store.row_tables import RowTable, rows_among, rows_that
from regraft.store.tables import is_in
from regraft.store.version import Version
from regraft.targets.choice import target_of
from regraft.targets.target import Target

MAX_DOUBTFUL = 200
"""Doubtful predictions that wait at a time, the most doubtful ones."""
LINK_COLUMNS = ["url", "category", "reason", "digest", "refers_to", "distance", "detail"]


class ReviewKind(StrEnum):
    """What a picture waits for a person as, in the order in which they are asked."""

    REPLACED = "replaced"
    """A link shows another picture than the one that it is known for."""
    MISFILED = "misfiled"
    """The picture is like another category's."""
    DUPLICATE = "duplicate"
    """The same picture is in the lists of two categories."""
    PLACEHOLDER = "placeholder"
    """Many links show the picture, so it is taken for what stands for photos that are gone."""
    NEAR_DUPLICATE = "near_duplicate"
    """The picture looks the same as one that is held out more."""
    DOUBTFUL = "doubtful"
    """The picture is learnt from, and the model takes it for another category's."""
    UNLIKE = "unlike"
    """The picture is learnt from, and is unlike nearly all others."""


LEFT_OUT = (
    ReviewKind.REPLACED,
    ReviewKind.MISFILED,
    ReviewKind.DUPLICATE,
    ReviewKind.PLACEHOLDER,
    ReviewKind.NEAR_DUPLICATE,
)
"""What links wait as that were left out; each is the reason of these links, too."""


@dataclass(frozen=True, kw_only=True)
class ReviewItem:
    """One picture in one list that waits for a person."""

    kind: ReviewKind
    """What it waits as."""
    digest: Digest
    """The picture."""
    category: str
    """The category whose list shows it."""
    urls: tuple[str, ...]
    """The links of that list that show it; of a placeholder, all that show it in whatever form."""
    sentence: str
    """Why it waits, for people."""
    variants: tuple[Digest, ...] = ()
    """Other pictures that the same decision is about: a placeholder's other forms."""
    refers_to: str = ""
    """The picture that it is to be compared with, by its digest; "" where there is none."""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """What of a version says what waits for a person."""

    links: RowTable
    """links.parquet"""
    manifest: RowTable
    """manifest.parquet"""
    predictions: RowTable
    """predictions.parquet"""
    misfiled: pd.DataFrame
    """The pictures known to be in the wrong list; see `dataset.misfiled`."""
    target: Target
    """What the version's head answers."""


def reviewed(version: Version, table: Callable[[str], RowTable]) -> Reviewed:
    """Return what of a version says what waits; `table` opens one of its files. Raises VersionError."""
    return Reviewed(
        links=table("links.parquet"),
        manifest=table("manifest.parquet"),
        predictions=table("predictions.parquet"),
        misfiled=known_misfiled(version.store),
        target=target_of(version.run.config),
    )


def undecided(items: Iterable[ReviewItem], decisions: Sequence[Decision]) -> list[ReviewItem]:
    """Return what still waits once some decisions are made.

    What somebody skipped waits again where it does so as something else.
    """
    decided: dict[str, list[Decision]] = {}
    for decision in standing(decisions):
        decided.setdefault(decision.digest, []).append(decision)

    def is_decided(item: ReviewItem) -> bool:
        about = (decision for digest in (item.digest, *item.variants) for decision in decided.get(digest, ()))
        return any(_settles(decision, item) for decision in about)

    return [item for item in items if not is_decided(item)]


def _settles(decision: Decision, item: ReviewItem) -> bool:
    """Whether a decision on an item's picture is one on the item: in its list, and if skipped, as what it waits as."""
    lists = {decision.category, decision.to_category} - {""}
    if lists and item.category and item.category not in lists:
        return False
    return decision.kind is not DecisionKind.SKIP or decision.review in ("", item.kind)


def waiting(version: Reviewed) -> list[ReviewItem]:
    """Return all that a version left out or doubts, by kind, be it decided by now or not."""
    left_out = rows_among(version.links, "reason", LEFT_OUT, LINK_COLUMNS).fillna({"refers_to": "", "detail": ""})
    of_reason = {str(reason): rows for reason, rows in left_out[left_out["digest"] != ""].groupby("reason")}
    misfiled = version.misfiled
    like = dict(zip(zip(misfiled["digest"], misfiled["category"], strict=True), misfiled["like"], strict=True))

    def rows(kind: ReviewKind) -> pd.DataFrame:
        return of_reason.get(kind, left_out.iloc[:0])

    doubtful = {**_taken_for_another(version.predictions, version.target), **_in_doubt(version.manifest)}
    unlike, twice = _unlike(version.predictions), _in_two_lists(rows(ReviewKind.DUPLICATE))
    pictures = {*doubtful, *unlike, *twice["digest"]}
    learnt_from = rows_among(version.manifest, "digest", pictures, ["digest", "category", "urls"])
    return [
        *_pictures(ReviewKind.REPLACED, rows(ReviewKind.REPLACED), _replaced),
        *_pictures(ReviewKind.MISFILED, rows(ReviewKind.MISFILED), lambda row: _misfiled(row, like)),
        *_pictures(ReviewKind.DUPLICATE, twice[~is_in(twice["digest"], learnt_from["digest"])], _duplicate),
        *_placeholders(rows(ReviewKind.PLACEHOLDER)),
        *_pictures(ReviewKind.NEAR_DUPLICATE, rows(ReviewKind.NEAR_DUPLICATE), _near_duplicate),
        *_images(ReviewKind.DOUBTFUL, learnt_from, doubtful),
        *_images(ReviewKind.UNLIKE, learnt_from, unlike),
    ]


def _pictures(kind: ReviewKind, links: pd.DataFrame, sentence: Callable[[dict[str, Any]], str]) -> Iterator[ReviewItem]:
    """One item for each picture in each list; the sentence is that of its first link."""
    links_of: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in links.to_dict("records"):
        link = {str(name): value for name, value in row.items()}
        links_of.setdefault((link["digest"], link["category"]), []).append(link)
    for (digest, category), rows in links_of.items():
        yield ReviewItem(
            kind=kind,
            digest=Digest(digest),
            category=category,
            urls=tuple(row["url"] for row in rows),
            sentence=sentence(rows[0]),
            refers_to=rows[0]["refers_to"].split(" ")[0],  # the nearest of its neighbours
        )


def _replaced(row: dict[str, Any]) -> str:
    bits = "" if pd.isna(row["distance"]) else f": it differs in {row['distance']:.0f} of 64 bits"
    return f"The link shows another picture than the one that it is known for{bits}. {_ended(row['detail'])}".strip()


def _misfiled(row: dict[str, Any], like: Mapping[tuple[str, str], str]) -> str:
    other = like.get((row["digest"], row["category"]))
    looks = f"the pictures of {other}" if other else "those of another category"
    share = f" {_ended(row['detail'])}" if "neighbours" in row["detail"] else ""
    return f"It is in the list of {row['category']}, and looks like {looks}.{share}"


def _duplicate(row: dict[str, Any]) -> str:
    return f"{_ended(row['detail']) or 'The same picture is in two lists.'} It is learnt from in neither."


def _near_duplicate(row: dict[str, Any]) -> str:
    looks = _ended(row["detail"]) or "It looks the same as a picture of another split."
    return f"{looks} It is left out, so that the test stays fair."


def _ended(detail: str) -> str:
    """Words for people as a sentence; "" where there are none."""
    return f"{detail[:1].upper()}{detail[1:]}." if detail else ""


def _in_two_lists(duplicates: pd.DataFrame) -> pd.DataFrame:
    """Those duplicates that are in the lists of more than one category."""
    return duplicates[duplicates.groupby("digest")["category"].transform("nunique") > 1]


def _placeholders(links: pd.DataFrame) -> Iterator[ReviewItem]:
    """One item for each placeholder, in whatever forms its links show it."""
    signature = links["refers_to"].where(links["refers_to"] != "", links["digest"])
    placeholders = links.groupby(signature, sort=False)[["url", "digest", "category"]].agg(tuple)
    for urls, shown, lists in placeholders.itertuples(index=False):
        digests, categories = sorted(set(shown)), set(lists)
        yield ReviewItem(
            kind=ReviewKind.PLACEHOLDER,
            digest=Digest(digests[0]),
            category=categories.pop() if len(categories) == 1 else "",
            urls=urls,
            sentence=f"Taken for a placeholder, since too many links show it: {len(urls)}.",
            variants=tuple(map(Digest, digests[1:])),
        )


def _images(kind: ReviewKind, learnt_from: pd.DataFrame, sentences: Mapping[str, str]) -> Iterator[ReviewItem]:
    """One item for each image that is learnt from and has a sentence, by its digest."""
    rows = zip(learnt_from["digest"], learnt_from["category"], learnt_from["urls"], strict=True)
    shown = {digest: (category, tuple(urls)) for digest, category, urls in rows}
    for digest in filter(shown.__contains__, sentences):
        category, urls = shown[digest]
        yield ReviewItem(kind=kind, digest=Digest(digest), category=category, urls=urls, sentence=sentences[digest])


def _taken_for_another(predictions: RowTable, target: Target) -> dict[str, str]:
    """What to say of the images that are predicted to be of another category, by digest; the surest first."""
    numbers = [name for name in predictions.columns if name != "digest"]
    stray = target.doubts(pa.concat_tables(group for _, group in predictions.groups(numbers)).to_pandas()).stray
    first = stray[stray > 0].sort_values(ascending=False, kind="stable").index[:MAX_DOUBTFUL].to_numpy()
    rows = predictions.rows(np.sort(first), predictions.columns).set_axis(np.sort(first)).reindex(first)
    captions = zip(rows["digest"], rows["category"], target.captions_with_labels(rows), strict=True)
    return {
        digest: f"It is in the list of {category}, and the model takes it for another's: {caption}."
        for digest, category, caption in captions
    }


def _in_doubt(manifest: RowTable) -> dict[str, str]:
    """What to say of the images that may be misfiled, by digest; versions of earlier Regrafts tell of none."""
    rows = rows_that(manifest, "doubtful", lambda values: pc.not_equal(values, ""), ["digest", "category", "doubtful"])
    return {
        digest: f"It is in the list of {category}, and may be of {other} instead."
        for digest, category, other in rows.itertuples(index=False, name=None)
    }


def _unlike(predictions: RowTable) -> dict[str, str]:
    """What to say of the images that are unlike nearly all others, by digest; those of earlier Regrafts are unknown."""
    rows = rows_that(predictions, "unlike_training", lambda values: values.cast(pa.bool_()), ["digest", "category"])
    return {
        digest: f"It is unlike nearly all that the model learns from: is it of {category}?"
        for digest, category in rows.head(MAX_DOUBTFUL).itertuples(index=False, name=None)
    }
