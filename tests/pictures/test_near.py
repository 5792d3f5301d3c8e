"""Near-duplicates are found without comparing every pair."""

import numpy as np
import pandas as pd

from regraft.pictures.near import clusters, near_pairs


def test_near_pairs_are_those_of_brute_force() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**63, 200, dtype=np.uint64)
    bits = np.concatenate([bits, bits[:50] ^ np.uint64(0b1011), bits[50:90] ^ np.uint64(0x1040001000100403)])
    brute = [
        (i, j) for i in range(len(bits)) for j in range(i + 1, len(bits)) if int(bits[i] ^ bits[j]).bit_count() <= 6
    ]
    assert near_pairs(bits, 6) == brute


def test_many_hashes_that_are_all_the_same_are_no_burden() -> None:
    same = ["00" * 8] * 20_000
    assert set(clusters(pd.Series(same), pd.Series([f"{i:05}" for i in range(20_000)]), 6)) == {"00000"}
