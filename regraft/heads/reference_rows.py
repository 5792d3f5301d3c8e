"""Whose features the files of a version hold as they are: training images that other pictures are compared with.

A head for real lengths of few images has a column of weights for each, see `smoothers.KernelRegression`, and
certainty.npz a row, see `unlike.DistanceFromReferences`. references.parquet names them, so that what somebody had
removed can be taken out of these files, and looked for there, when its own features are gone.
"""

import io
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from regraft.heads.layers import SIMILARITY_LAYER, WITHIN_CATEGORY_LAYER
from regraft.heads.moments import Rows
from regraft.heads.unlike import REFERENCES, reference_rows
from regraft.heads.within_category import learnt_rows
from regraft.store.tables import no_rows

# N images, R references of one file, D features
TABLE = "references.parquet"
SCHEMA = pa.schema([("file", pa.string()), ("row", pa.int32()), ("digest", pa.string())])
"""The columns of the table: a file, which of its references, from 0, and the picture whose features that is."""
WEIGHTS = "model.weights.h5"
"""The part of a .keras file that holds its weights."""
KERNEL, BIAS = "0", "1"
"""The arrays of a layer's weights."""
References = NDArray[np.floating]
"""(R, D); those that were taken out are 0."""
NO_REFERENCES: References = np.zeros((0, 0))


@dataclass(frozen=True)
class Holder:
    """A kind of file that holds features of training images."""

    read: Callable[[bytes], References]
    """Returns the features that such a file holds."""
    without: Callable[[bytes, Rows], bytes]
    """Returns such a file with the references of some rows set to 0, so that nothing is compared with them any more."""
    images: Callable[["pd.Series[str]", int], Rows]
    """Returns which of N images, by their splits, are the references of D features each, in their order."""


def named_references(images: pd.DataFrame, files: Mapping[str, bytes]) -> pd.DataFrame:
    """Return whose features some files of a version hold, columns SCHEMA.

    `images`: digest and split of the N images that the version learnt from and measured on, in their order; `files`:
    the bytes of those of HOLDERS that it has. Raises ValueError where a file holds another number of references than
    these images make: then nobody can tell whose they are.
    """
    tables = [no_rows(SCHEMA)]
    for file, data in files.items():
        held = HOLDERS[file].read(data)
        if len(held):
            rows = HOLDERS[file].images(images["split"], held.shape[1])
            if len(rows) != len(held):
                raise ValueError(f"{file} holds {len(held)} references, and the images make {len(rows)}")
            digests = images["digest"].to_numpy()[rows]
            tables.append(pd.DataFrame({"file": file, "row": np.arange(len(held)), "digest": digests}))
    return pd.concat(tables, ignore_index=True)


def unnamed_rows(file: str, data: bytes, named_rows: Collection[int]) -> Rows:
    """Return which references of a file are there and are none of the rows that references.parquet names, (K,)."""
    is_held = np.asarray(HOLDERS[file].read(data).any(axis=1))
    is_held[[row for row in named_rows if row < len(is_held)]] = False
    return np.flatnonzero(is_held)


def _head_references(head: bytes) -> References:
    import h5py

    with zipfile.ZipFile(io.BytesIO(head)) as archive, h5py.File(io.BytesIO(archive.read(WEIGHTS))) as weights:
        layers = _layers(weights)
        return np.asarray(layers[SIMILARITY_LAYER][KERNEL]).T if SIMILARITY_LAYER in layers else NO_REFERENCES


def _head_without(head: bytes, rows: Rows) -> bytes:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(head)) as archive, zipfile.ZipFile(changed, "w") as written:
        for part in archive.infolist():
            content = archive.read(part)
            written.writestr(part, _weights_without(content, rows) if part.filename == WEIGHTS else content)
    return changed.getvalue()


def _weights_without(weights: bytes, rows: Rows) -> bytes:
    """A Keras weights file in which nothing is similar to some images; what they add on average stays in it."""
    import h5py

    file = io.BytesIO(weights)
    with h5py.File(file, "r+") as opened:
        layers = _layers(opened)
        similarity, answer = layers[SIMILARITY_LAYER], layers[WITHIN_CATEGORY_LAYER]
        directions, values = np.asarray(similarity[KERNEL]), np.asarray(answer[KERNEL])
        width = -float(similarity[BIAS][0])
        similar = np.exp(directions[:, rows].T @ directions / width - width).mean(axis=1)
        answer[BIAS][...] += similar @ values[rows]
        directions[:, rows], values[rows] = 0, 0
        similarity[KERNEL][...], answer[KERNEL][...] = directions, values
    return file.getvalue()


def _layers(weights: Any) -> dict[str, Any]:
    """The arrays of each layer in a Keras weights file, by the layer's name."""
    return {group["vars"].attrs.get("name", ""): group["vars"] for group in weights["layers"].values()}


def _certainty_references(certainty: bytes) -> References:
    with np.load(io.BytesIO(certainty), allow_pickle=False) as arrays:
        return np.asarray(arrays[REFERENCES]) if REFERENCES in arrays else NO_REFERENCES


def _certainty_without(certainty: bytes, rows: Rows) -> bytes:
    with np.load(io.BytesIO(certainty), allow_pickle=False) as file:
        arrays = dict(file)
    arrays[REFERENCES][rows] = 0
    changed = io.BytesIO()
    np.savez(changed, **arrays)
    return changed.getvalue()


HOLDERS = {
    "head.keras": Holder(_head_references, _head_without, lambda split, width: learnt_rows(split)),
    "certainty.npz": Holder(_certainty_references, _certainty_without, reference_rows),
}
"""The files of a version that may hold features of training images, by name."""
