"""The embedded network, loaded once for all tests that only look at it; and pictures drawn for it."""

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from regraft.menagerie.drawing import drawing, encoded
from regraft.store.blobs import Blobs

if TYPE_CHECKING:
    from regraft.backbones.backbone import Backbone

LENGTHS_CM = {"cat": 40.0, "tiger": 100.0}


@pytest.fixture(scope="session")
def lite0() -> "Backbone":
    """The backbone efficientnet-lite0. A test that changes its weights loads its own."""
    from regraft.backbones.loading import load_backbone

    return load_backbone("efficientnet-lite0")


def drawn_manifest(blobs: Blobs, count: int = 12) -> pd.DataFrame:
    """Put so many drawn cats and so many drawn tigers into a store; return their manifest, a third for validation."""
    rows = []
    for number in range(count):
        for category, length in LENGTHS_CM.items():
            split = ("train", "train", "validation")[number % 3]
            digest = blobs.put(encoded(drawing(category, f"drawn-{number}"), "JPEG"))
            rows.append((digest, category, split, length))
    return pd.DataFrame(rows, columns=["digest", "category", "split", "label"])
