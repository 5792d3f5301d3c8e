"""Which pictures lie among another category's: a kitten among the tigers.

A picture is misfiled where most of its nearest neighbours are another category's, and as near to it as that category's
pictures are to each other, see `edited_references`. So a picture that is merely unlike its own category, a blurred
tiger, stays, and so may a kind of its own, see `kin`. Nearness is the cosine of centred features, whatever the head
makes of them. Where categories overlap, some lie on another's side by chance, as `chance` reckons. Such pictures are
doubtful: they stay, and a person is asked.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.dataset.chance import probabilities_of_right, shares_by_chance, shares_crossing
from regraft.dataset.edited_references import MIN_FOREIGN_SHARE, NEIGHBOURS, EditedReferences, edited_references
from regraft.dataset.kin import kin_log_ratios
from regraft.dataset.nearest import NO_REFERENCE, Directions, Indices, Nearest, Values, directions_of
from regraft.store.feature_rows import FeatureRows

# N images, D features, R references, K images at a time
NAMED_NEIGHBOURS = 5
"""Neighbours that are named as the reason why a picture is misfiled."""
MAX_CHANCE = 0.1
"""Share of a list's misfiled pictures that may look so by chance; those beyond it are doubtful."""
MIN_LOG_RATIO = np.log(3)
"""Of how much likelier a misfiled picture is there than in the right list: from here on evidence is called positive,
https://doi.org/10.1080/01621459.1995.10476572."""
MAX_REFERENCES = 6000
"""Pictures that others are compared with: of each category those with the smallest digests, of small ones all."""


@dataclass(frozen=True)
class Suspects:
    """Pictures that are nearer to another category than to their own."""

    misfiled: pd.DataFrame
    """What is in the wrong list: digest, category, `like`, the category that it is like, `chance`, which share of
    those of its list that look at least as misfiled do so by chance, `share`, how many of its nearest neighbours are of
    that category, and `neighbours`, the digests of the nearest of these, with blanks between."""
    doubtful: pd.DataFrame
    """What may be in the wrong list, and stays until a person decides; the same columns."""


def find_misfiled(manifest: pd.DataFrame, features: FeatureRows) -> Suspects:
    """Return what is misfiled, and what is doubtful.

    `manifest` has N rows with digest and category; `features`, (N, D), are theirs.
    """
    categories = pd.Categorical(manifest["category"])
    names, category = np.array(categories.categories, dtype=str), categories.codes.astype(np.int64)
    digests = manifest["digest"].to_numpy()
    rows = _reference_rows(manifest, category)
    centre = features.mean().astype(np.float32)
    references = edited_references(directions_of(features.read(rows), centre), category[rows])
    position = np.full(len(features), NO_REFERENCE)
    position[rows] = np.arange(len(rows))

    def looks_of(block_rows: Indices, block: NDArray[np.float32]) -> pd.DataFrame:
        directions = directions_of(block, centre)
        own = position[block_rows]
        return _looks(directions, category[block_rows], own, references, digests[rows]).set_axis(block_rows)

    looks = pd.concat([looks_of(*block) for block in features.stored_blocks()]).sort_index()
    chance = _chance(looks, category, references)
    is_misfiled = looks["is_suspected"].to_numpy() & (chance <= MAX_CHANCE)
    like = looks["like"].to_numpy()
    suspects = manifest[["digest", "category"]].assign(
        like=names[like], chance=chance, share=looks["share"].to_numpy(), neighbours=looks["neighbours"].to_numpy()
    )
    return Suspects(suspects[is_misfiled], suspects[(like != category) & ~is_misfiled])


def _looks(
    directions: Directions,
    category: Indices,
    own: Indices,
    references: EditedReferences,
    digests: NDArray[np.object_],
) -> pd.DataFrame:
    """What K pictures look like: like, share, is_suspected, log_ratio and neighbours.

    `own`, (K,): their own positions among the references, or NO_REFERENCE; `digests`, (R,): those of the references.
    The log of how much likelier a picture is if it is misfiled is -inf where it is like its own category, and then no
    neighbours are named.
    """
    nearest = Nearest.of(directions, references.directions, own)
    neighbours = references.neighbours(nearest)
    foreign = np.flatnonzero(neighbours.like != category)
    like = neighbours.like[foreign]
    log_ratios, named = np.full(len(category), -np.inf), np.full(len(category), "", dtype=object)
    log_ratios[foreign] = references.margins.log_ratios(directions[foreign], category[foreign], like)
    for row in foreign:
        near = neighbours.references[row]
        is_like = references.category[near] == neighbours.like[row]
        named[row] = " ".join(digests[near[is_like][:NAMED_NEIGHBOURS]])
    are_misfiled = references.are_misfiled(category, nearest, neighbours)
    rows = np.flatnonzero(are_misfiled)
    log_ratios[rows] += kin_log_ratios(directions[rows], category[rows], neighbours.like[rows], own[rows], references)
    is_suspected = are_misfiled & (log_ratios > MIN_LOG_RATIO)
    return pd.DataFrame(
        {
            "like": neighbours.like,
            "share": neighbours.shares,
            "is_suspected": is_suspected,
            "log_ratio": log_ratios,
            "neighbours": named,
        }
    )


def _chance(looks: pd.DataFrame, category: Indices, references: EditedReferences) -> Values:
    """The share of those that look as misfiled as each picture that does so by chance, (N,), by margins or by crossing.

    The lower one counts, see `chance`. 1 for pictures that are not suspected.
    """
    like, is_suspected = looks["like"].to_numpy(), looks["is_suspected"].to_numpy()
    is_right = probabilities_of_right(looks["log_ratio"].to_numpy(), category)
    by_margin = shares_by_chance(is_right, category, is_suspected)
    is_undecided = looks["share"].to_numpy() < MIN_FOREIGN_SHARE
    by_crossing = shares_crossing(category, is_undecided, is_suspected & references.judges_nearness[like])
    return np.minimum(by_margin, by_crossing)


def _reference_rows(manifest: pd.DataFrame, category: Indices) -> Indices:
    """The rows, (R,), of the pictures that all are compared with: by category, and by digest."""
    counts = np.sort(np.bincount(category))
    taken_whole = np.concatenate([[0], counts.cumsum()[:-1]])
    caps = (MAX_REFERENCES - taken_whole) // np.arange(len(counts), 0, -1)  # for all but the smallest ones
    is_too_large = counts > caps
    most = max(NEIGHBOURS, int(caps[is_too_large.argmax()])) if is_too_large.any() else int(counts.max())
    keys = pd.DataFrame({"category": category, "digest": manifest["digest"].to_numpy()})
    in_order = keys.sort_values(["category", "digest"], kind="stable")
    return in_order.index[in_order.groupby("category").cumcount() < most].to_numpy(dtype=np.int64)
