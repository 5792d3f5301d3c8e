"""The pictures that a report shows: small, self-contained, and chosen because they are worth looking at."""

import base64
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from regraft.errors import RegraftError
from regraft.identity import DIGEST, Digest, short_digest
from regraft.pictures.thumbnails import thumbnail
from regraft.store.store import Store
from regraft.targets.target import Target

log = logging.getLogger("regraft")
THUMBNAIL_SIDE = 112
"""Pixels of a thumbnail's longer side."""
SHEET_SIDE = 1024
"""Pixels of the longer side of a picture that shows several."""
MAX_THUMBNAIL_BYTES = 1_200_000
"""Of all thumbnails of a report together; those that would take more are left out."""
ROW_LENGTH = 6
"""Pictures in one row."""
IN_A_PAGE = re.compile(
    rf'<img class="small" data-digest="({DIGEST.pattern})"[^<>]* src="(data:image/jpeg;base64,[A-Za-z0-9+/=]+)"'
)
"""A thumbnail in report.html, as its template writes it."""


@dataclass(frozen=True)
class Examples:
    """Images worth looking at, ROW_LENGTH of each kind at most; columns digest, category, caption."""

    best: pd.DataFrame
    """Of the test split, those predicted nearest to their labels."""
    worst: pd.DataFrame
    """Of the test split, those predicted farthest from their labels."""
    doubtful: pd.DataFrame
    """Of the test split, those whose prediction lies most between the categories."""
    strays: pd.DataFrame
    """Of all images, those predicted to be of another category; the surest first."""

    @property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The rows of test images that a report shows, by title."""
        return {
            "Predicted best": self.best,
            "Predicted worst": self.worst,
            "Most doubtful: between the categories": self.doubtful,
        }


def examples(predictions: pd.DataFrame, target: Target) -> Examples:
    """Return what is worth looking at in predictions (see Target.predictions) of all images."""
    doubts = target.doubts(predictions)
    is_test = predictions["split"] == "test"

    def first(order: "pd.Series[float]") -> pd.DataFrame:
        rows = predictions.reindex(order.sort_values(kind="stable").index[:ROW_LENGTH])
        return rows[["digest", "category"]].assign(caption=target.captions_with_labels(rows))

    return Examples(
        best=first(doubts.error[is_test]),
        worst=first(-doubts.error[is_test]),
        doubtful=first(-doubts.doubt[is_test]),
        strays=first(-doubts.stray[doubts.stray > 0]),
    )


def thumbnails(digests: Iterable[str], store: Store, known: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return small JPEGs as data: URIs by digest, of MAX_THUMBNAIL_BYTES at most; those that are `known` as they are.

    A picture whose bytes are gone or damaged is left out.
    """
    known = known or {}
    small: dict[str, str] = {}
    left = MAX_THUMBNAIL_BYTES
    for digest in dict.fromkeys(digests):
        try:
            uri = known.get(digest) or _data_uri(thumbnail(store.blobs.read(Digest(digest)), THUMBNAIL_SIDE))
            if len(uri) <= left:
                small[digest], left = uri, left - len(uri)
        except (OSError, ValueError, RegraftError) as error:
            log.info("no thumbnail of %s: %s", short_digest(digest), error)  # no reason to fail a run that was measured
    return small


def thumbnails_in(page: str) -> dict[str, str]:
    """Return the thumbnails in an earlier report.html, by digest; none where an earlier Regraft wrote it."""
    return dict(IN_A_PAGE.findall(page))


def jpeg_uri(png: bytes) -> str:
    """Return a PNG of photographs as a JPEG in a data: URI, which takes a third of the bytes."""
    return _data_uri(thumbnail(png, SHEET_SIDE))


def _data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
