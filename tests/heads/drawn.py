"""A manifest of pictures that are drawn here, for tests that learn from pixels."""

import pandas as pd

from regraft.menagerie.drawing import drawing, encoded
from regraft.store.blobs import Blobs

LENGTHS_CM = {"cat": 40.0, "tiger": 100.0}


def drawn_manifest(blobs: Blobs, count: int = 12) -> pd.DataFrame:
    """Put so many drawn cats and so many drawn tigers into a store; return their manifest, a third for validation."""
    rows = []
    for number in range(count):
        for category, length in LENGTHS_CM.items():
            split = ("train", "train", "validation")[number % 3]
            digest = blobs.put(encoded(drawing(category, f"drawn-{number}"), "JPEG"))
            rows.append((digest, category, digest, split, length))
    return pd.DataFrame(rows, columns=["digest", "category", "cluster", "split", "label"])
