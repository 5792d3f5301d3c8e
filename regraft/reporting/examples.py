"""The pictures that a report shows: small, self-contained, and chosen for what they tell."""

import base64
import io
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
from PIL import Image

from regraft.errors import RegraftError
from regraft.identity import Digest
from regraft.judging.metrics import distances
from regraft.pictures.colours import rgb
from regraft.store.store import Store
from regraft.targets.lengths import Lengths
from regraft.targets.target import Target

log = logging.getLogger("regraft")
SIDE = 112
"""Pixels of a thumbnail's longer side."""
SHOWN = 6
"""Pictures in one row."""


@dataclass(frozen=True)
class Examples:
    """Rows (digest, category, caption) worth looking at."""

    best: pd.DataFrame
    """Of the test split, those predicted nearest to their labels."""
    worst: pd.DataFrame
    """Of the test split, those predicted farthest from their labels."""
    doubtful: pd.DataFrame
    """Of the test split, those whose prediction lies most between the categories."""
    elsewhere: pd.DataFrame
    """Of all images, those predicted to be of another category; the surest first."""


def examples(predictions: pd.DataFrame, target: Target = Lengths()) -> Examples:
    """Return what is worth looking at in predictions (see Target.predictions), SHOWN of each."""
    rows = predictions.assign(caption=captions(predictions, target))
    told = _named(predictions, target) if target.names else _lengths(predictions)
    test = rows["split"] == "test"

    def first(order: "pd.Series[float]") -> pd.DataFrame:
        return rows.loc[order.sort_values(kind="stable").index[:SHOWN], ["digest", "category", "caption"]]

    return Examples(
        first(told.off[test]), first(-told.off[test]), first(-told.doubt[test]), first(-told.lost[told.lost > 0])
    )


def captions(predictions: pd.DataFrame, target: Target = Lengths()) -> list[str]:
    """Return what is written below each picture: what was predicted, and the label."""
    if target.names:
        sure = target.answers(predictions).max(axis=1)
        return [f"named {name}, {share:.0%}" for name, share in zip(predictions["prediction"], sure, strict=True)]
    pairs = zip(predictions["prediction"], predictions["label"], strict=True)
    return [f"{prediction:.0f} cm, label {label:.0f}" for prediction, label in pairs]


@dataclass(frozen=True)
class _Told:
    """How far predictions are from their labels, how doubtful they are, and how much nearer to another category."""

    off: "pd.Series[float]"
    doubt: "pd.Series[float]"
    lost: "pd.Series[float]"


def _lengths(predictions: pd.DataFrame) -> _Told:
    """By length: doubtful ones lie far from all categories' means, lost ones nearer to another's than to their own."""
    distance = distances(predictions)
    own = pd.Series([distance.at[row, name] for row, name in predictions["category"].items()], predictions.index)
    off = (predictions["prediction"] - predictions["label"]).abs()
    return _Told(off, distance.min(axis=1), own - distance.min(axis=1))


def _named(predictions: pd.DataFrame, target: Target) -> _Told:
    """By probability: of the own category, of the likeliest, and of the likeliest above that of the own."""
    said = target.answers(predictions)
    own = (said * target.truth(predictions)).sum(axis=1)
    told = (pd.Series(x, predictions.index) for x in (1 - own, 1 - said.max(axis=1), said.max(axis=1) - own))
    return _Told(*told)


def thumbnails(digests: Iterable[str], store: Store) -> Mapping[str, str]:
    """Return small JPEGs as data: URIs by digest; of pictures whose bytes are gone there is none."""
    found = {}
    for digest in dict.fromkeys(digests):
        try:
            found[digest] = _thumbnail(store.blobs.read(Digest(digest)))
        except (OSError, ValueError, RegraftError) as error:
            log.info("no thumbnail of %s: %s", digest[:8], error)  # no reason to fail a run that was measured
    return found


def _thumbnail(data: bytes) -> str:
    picture = Image.fromarray(rgb(data, SIDE))
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
