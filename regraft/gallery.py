"""The pictures that a report shows: small, self-contained, and chosen for what they tell."""

import base64
import io
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
from PIL import Image

from regraft.errors import RegraftError
from regraft.images import rgb
from regraft.store import Store

log = logging.getLogger("regraft")
SIDE = 112
"""Pixels of a thumbnail's longer side."""
SHOWN = 6
"""Pictures in one row."""


@dataclass(frozen=True)
class Examples:
    """Rows (digest, category, label, prediction) worth looking at."""

    best: pd.DataFrame
    """Of the test split, those predicted nearest to their labels."""
    worst: pd.DataFrame
    """Of the test split, those predicted farthest from their labels."""
    doubtful: pd.DataFrame
    """Of the test split, those whose prediction lies most between the categories' mean lengths."""
    elsewhere: pd.DataFrame
    """Of all images, those predicted nearer to another category's mean length than to their own; the surest first."""


def examples(predictions: pd.DataFrame) -> Examples:
    """Return what is worth looking at in predictions (digest, category, split, label, prediction), SHOWN of each."""
    means = predictions[predictions["split"] == "train"].groupby("category")["label"].mean()
    distance = pd.DataFrame({name: (predictions["prediction"] - mean).abs() for name, mean in means.items()})
    own = pd.Series([distance.at[row, name] for row, name in predictions["category"].items()], predictions.index)
    off = (predictions["prediction"] - predictions["label"]).abs()
    test = predictions["split"] == "test"
    lost = own - distance.min(axis=1)
    columns = ["digest", "category", "label", "prediction"]

    def first(order: "pd.Series[float]") -> pd.DataFrame:
        return predictions.loc[order.sort_values(kind="stable").index[:SHOWN], columns]

    return Examples(
        first(off[test]), first(-off[test]), first(-distance.min(axis=1)[test]), first(-lost[lost > 0]),
    )  # fmt: skip


def thumbnails(digests: Iterable[str], store: Store) -> Mapping[str, str]:
    """Return small JPEGs as data: URIs by digest; of pictures whose bytes are gone there is none."""
    found = {}
    for digest in dict.fromkeys(digests):
        try:
            found[digest] = _thumbnail(store.blob(digest))
        except (OSError, ValueError, RegraftError) as error:
            log.info("no thumbnail of %s: %s", digest[:8], error)  # no reason to fail a run that was measured
    return found


def _thumbnail(data: bytes) -> str:
    picture = Image.fromarray(rgb(data, SIDE))
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
