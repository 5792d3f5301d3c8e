"""The plot of test images with their predictions: drawn for a run, and anew where one of them was removed."""

import logging

import pandas as pd

from regraft.errors import RegraftError
from regraft.identity import Digest, short_digest
from regraft.pictures.colours import rgb
from regraft.pictures.pixels import Pixels
from regraft.reporting import plots
from regraft.store.store import Store
from regraft.targets.target import Target

EXAMPLE_IMAGES = 8
"""Test images in the plot."""
EXAMPLE_SIDE = 256
"""Pixels that the shorter side of such an image is shrunk to."""
log = logging.getLogger("regraft")


def example_sheet(predictions: pd.DataFrame, target: Target, store: Store) -> bytes:
    """Return a PNG of the first test images of each category in predictions, see `Target.predictions`.

    Images whose bytes are gone or damaged are left out.
    """
    test = predictions[predictions["split"] == "test"]
    each = max(1, EXAMPLE_IMAGES // max(1, test["category"].nunique()))
    rows = test.groupby("category").head(each).head(EXAMPLE_IMAGES)
    pictures = {digest: picture for digest in rows["digest"] if (picture := _picture(digest, store)) is not None}
    rows = rows[rows["digest"].isin(list(pictures))]
    captions = zip(rows["category"], target.captions_with_labels(rows), strict=True)
    return plots.contact_sheet(list(pictures.values()), [f"{category}\n{caption}" for category, caption in captions])


def _picture(digest: str, store: Store) -> Pixels | None:
    """A small picture; None where its bytes are gone or damaged, which is no reason to fail a run that was measured."""
    try:
        return rgb(store.blobs.read(Digest(digest)), EXAMPLE_SIDE)
    except (OSError, ValueError, RegraftError) as error:
        log.info("no example of %s: %s", short_digest(digest), error)
        return None
