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
from regraft.pictures.colours import rgb
from regraft.store.store import Store
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


def examples(predictions: pd.DataFrame, target: Target) -> Examples:
    """Return what is worth looking at in predictions (see Target.predictions), SHOWN of each."""
    rows = predictions.assign(caption=target.captions_with_labels(predictions))
    doubts = target.doubts(predictions)
    test = rows["split"] == "test"

    def first(order: "pd.Series[float]") -> pd.DataFrame:
        return rows.loc[order.sort_values(kind="stable").index[:SHOWN], ["digest", "category", "caption"]]

    return Examples(
        first(doubts.error[test]),
        first(-doubts.error[test]),
        first(-doubts.doubt[test]),
        first(-doubts.stray[doubts.stray > 0]),
    )


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
