"""What a verdict refers to: the picture that was replaced, the one that shows the same, the placeholder.

A reference is a row of `refers_to`, `distance` and `detail`: a digest or a placeholder's signature, in how many of 64
bits the perceptual hashes differ, and the rest in words for people.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from regraft.dataset.placeholders import variants_shown
from regraft.pictures.near import hash_bits
from regraft.pictures.perceptual import MIRRORED
from regraft.store.tables import is_in
from regraft.verdicts import Verdict

# N pictures, M others
MAX_OTHERS = 1024
"""Pictures of a cluster that another is compared with at most, to name the nearest."""


def without_references(links: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of links, columns memory.MEMORY, whose verdicts refer to nothing yet."""
    distance = pd.array([pd.NA] * len(links), dtype="Int16")
    return links.assign(refers_to="", distance=distance, detail=links["detail"].fillna(""))


def to_replaced(links: pd.DataFrame) -> pd.DataFrame:
    """Return references of replaced links, columns memory.MEMORY, to the pictures that they are known for."""
    shown, known_for = (hash_bits(links[column]) for column in ("phash", "trusted_phash"))
    since = links["replaced_at"].dt.strftime("it has shown this picture since %Y-%m-%d %H:%M UTC")
    return _references(links.index, links["trusted_digest"], np.bitwise_count(shown ^ known_for), since)


def to_placeholders(links: pd.DataFrame, placeholders: pd.DataFrame) -> pd.DataFrame:
    """Return references of links that show known placeholders to those placeholders' signatures.

    A signature is the digest of the bytes, the address that links redirect to, or the perceptual hash and the size.
    """
    by_bytes = is_in(links["digest"], set(placeholders["digest"]) - {""})
    by_address = ~by_bytes & is_in(links["final_url"], set(placeholders["final_url"]) - {""})
    rows, bits = variants_shown(links, placeholders)
    variants = placeholders.iloc[rows]
    looks = variants["phash"] + " " + variants["width"].astype(str) + "x" + variants["height"].astype(str)
    signatures = links["digest"].where(by_bytes, links["final_url"].where(by_address, looks.to_numpy()))
    counts = signatures.map(signatures.value_counts())
    words = counts.map("links that show this picture: {}".format)
    words = words.mask(by_address, counts.map("links that lead to this address: {}".format))
    distance = pd.Series(bits, links.index, "Int16").mask(by_bytes, 0).mask(by_address)
    return _references(links.index, signatures, distance, words)


def to_addresses(links: pd.DataFrame) -> pd.DataFrame:
    """Return references of links that show one colour, columns memory.MEMORY, to the address that many of them lead to.

    Nothing is kept of what they show, so where they lead to no common address they refer to nothing.
    """
    counts = links["final_url"].map(links["final_url"].value_counts())
    leads = (links["final_url"] != links["url"]) & (links["final_url"] != "") & (counts > 1)
    words = links["detail"] + "; links that lead to this address: " + counts.astype("Int64").astype(str)
    return _references(links.index, links["final_url"].where(leads, ""), None, words.where(leads, links["detail"]))


def to_copies(links: pd.DataFrame, is_duplicate: "pd.Series[bool]") -> pd.DataFrame:
    """Return references of duplicates among links, columns memory.MEMORY, to what shows their bytes as well."""
    copies = links["digest"][is_duplicate]
    shared = links[is_in(links["digest"], copies) & (links["verdict"] == Verdict.ALIVE)]
    is_kept = ~is_duplicate[shared.index]
    kept = shared[is_kept].drop_duplicates("digest").set_index("digest")["url"]
    in_lists = shared.drop_duplicates(["digest", "category"]).sort_values("category").groupby("digest")["category"]
    of_kept, of_lists = (
        copies.map(names.map(words.format)).astype(object)
        for names, words in (
            (kept, "the same bytes as {}"),
            (in_lists.agg(" and ".join), "the same bytes are in the lists of {}"),
        )
    )
    words = of_kept.fillna(of_lists)
    return _references(copies.index, copies, 0, words)


def to_near_duplicates(pictures: pd.DataFrame, leaves: "pd.Series[bool]", split: "pd.Series[str]") -> pd.DataFrame:
    """Return references of pictures that leave to the nearest of their cluster that stays, by their own digest.

    `pictures` has N rows with digest, phash and cluster. In a very large cluster it is the nearest of MAX_OTHERS.
    """
    clashing = pictures[is_in(pictures["cluster"], pictures["cluster"][leaves])].sort_values("cluster")
    hashes, is_leaving = hash_bits(clashing["phash"]), leaves[clashing.index].to_numpy()
    starts = np.flatnonzero(~clashing["cluster"].duplicated())
    leaving, twins, bits, is_mirrored = [], [], [], []
    for cluster in np.split(np.arange(len(clashing)), starts[1:]):
        staying = cluster[~is_leaving[cluster]][:MAX_OTHERS]
        for row in cluster[is_leaving[cluster]]:
            nearest, distance, mirrored = _nearest(hashes[row], hashes[staying])
            leaving.append(row)
            twins.append(staying[nearest])
            bits.append(distance)
            is_mirrored.append(mirrored)
    words = [
        f"{'mirrored, ' if mirrored else ''}it shows the same as a picture of the {name} split"
        for mirrored, name in zip(is_mirrored, split[clashing.index[twins]], strict=True)
    ]
    digests = clashing["digest"].array
    return _references(pd.Index(digests[leaving]), digests[twins], bits, words)


def to_neighbours(misfiled: pd.DataFrame) -> pd.DataFrame:
    """Return references of misfiled pictures, columns misfiled.MISFILED, to their neighbours, by their own digest."""
    pictures = misfiled.drop_duplicates("digest").set_index("digest")
    percent = (100 * pictures["share"]).round()
    words = [
        f"{int(share)}% of its nearest neighbours are {like}" if share > 0 else f"it looks like {like}"
        for share, like in zip(percent, pictures["like"], strict=True)
    ]
    return _references(pictures.index, pictures["neighbours"].fillna(""), None, words)


def to_itself(pictures: pd.DataFrame, why: str) -> pd.DataFrame:
    """Return references of pictures, with a column digest, that refer to nothing else: the same words for all."""
    digests = pd.Index(pictures["digest"].drop_duplicates())
    return _references(digests, "", None, why)


def _nearest(picture: np.uint64, others: NDArray[np.uint64]) -> tuple[int, int, bool]:
    """Which of the hashes of M others, (M,), is the nearest to a picture's; in how many bits; and whether mirrored."""
    bits, mirrored = (np.bitwise_count(others ^ value) for value in (picture, picture ^ np.uint64(MIRRORED)))
    nearest = int(np.minimum(bits, mirrored).argmin())
    return nearest, int(min(bits[nearest], mirrored[nearest])), bool(mirrored[nearest] < bits[nearest])


def _references(index: "pd.Index[Any]", refers_to: object, distance: object, detail: object) -> pd.DataFrame:
    """References as a table with that index."""
    columns = {"refers_to": refers_to, "distance": distance, "detail": detail}
    arrays = {name: column.array if isinstance(column, pd.Series) else column for name, column in columns.items()}
    return pd.DataFrame(arrays, index=index).astype({"distance": "Int16"})
