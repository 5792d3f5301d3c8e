"""Features of training images that a version's head and certainty hold as they are, without those of removed pictures.

references.parquet says whose they are. Where a version of an earlier Regraft lacks it, its images say so, in the order
in which they were learnt from; where nobody can tell, all of these features go.
"""

import contextlib
from collections.abc import Iterator, Mapping

import pandas as pd

from regraft.heads.reference_rows import HOLDERS, SCHEMA, TABLE, named_references, unnamed_rows
from regraft.links.removals import Removals
from regraft.store.tables import no_rows, parquet
from regraft.store.version import Version

IMAGES = "predictions.parquet"


def files_without(version: Version, removals: Removals, has_learnt: bool) -> dict[str, bytes | None]:
    """Return the files that change, by name; None where one is damaged, so that it goes.

    `has_learnt`: whether the version has learnt from pictures that go. They are to be written in this order, and before
    the tables that say whose features these are: then it may be cut off anywhere. references.parquet is among them
    where the version lacks it.
    """
    held = dict(_held(version))
    whole = {file: data for file, data in held.items() if data is not None}
    names = _names(version, whole)
    changed: dict[str, bytes | None] = {file: None for file in held if has_learnt and file not in whole}
    if names is None and not has_learnt:
        return changed
    left = no_rows(SCHEMA) if names is None else names[~names["digest"].map(removals.has_picture).astype(bool)]
    for file, data in whole.items():
        rows = unnamed_rows(file, data, _rows(left, file))
        if len(rows):
            changed[file] = HOLDERS[file].without(data, rows)
    if changed and not _has_table(version):
        changed[TABLE] = parquet(left, SCHEMA)
    return changed


def unnamed(version: Version) -> Iterator[str]:
    """Yield the files of a version that hold features of which nobody says whose they are, by name."""
    for file in filter(version.has, HOLDERS) if _has_table(version) else ():
        with contextlib.suppress(Exception):  # readers raise anything; a damaged file is reported with its version
            if len(unnamed_rows(file, version.read(file), _rows(version.table(TABLE), file))):
                yield file


def _rows(names: pd.DataFrame, file: str) -> list[int]:
    """The references of a file that are named."""
    return [int(row) for row in names["row"][names["file"] == file]]


def _held(version: Version) -> Iterator[tuple[str, bytes | None]]:
    """The files of a version that may hold features, by name; None where one is damaged."""
    for file in filter(version.has, HOLDERS):
        try:
            data = version.read(file)
            HOLDERS[file].read(data)
        except Exception:  # zip, HDF5 and npy readers raise anything
            yield file, None
        else:
            yield file, data


def _names(version: Version, held: Mapping[str, bytes]) -> pd.DataFrame | None:
    """Whose features files of a version hold, columns `reference_rows.SCHEMA`; None where nobody can tell."""
    try:
        return version.table(TABLE) if _has_table(version) else named_references(version.table(IMAGES), held)
    except Exception:  # what Arrow raises on a damaged table, and where the images do not fit
        return None


def _has_table(version: Version) -> bool:
    """Whether the table is there: while a removal is under way, run.json may name it before."""
    return version.store.disk.exists(f"{version.path}/{TABLE}")
