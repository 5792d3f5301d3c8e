"""Near-duplicates are joined as if every pair were compared, but dense clusters cost no more than others."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from regraft.pictures import hash_bands, hash_search
from regraft.pictures import near as near_pictures
from regraft.pictures.hash_bands import HASH_BITS
from regraft.pictures.near import clusters, groups_of_pictures, hash_bits, near_groups, nearest_distances
from regraft.pictures.perceptual import MIRRORED

Hashes = NDArray[np.uint64]


def groups_of_all_pairs(hashes: Hashes, near: int) -> list[int]:
    """The group of each hash, named by its first member, when every pair is compared."""
    is_near = np.bitwise_count(hashes[:, None] ^ hashes) <= near
    return by_first(connected_components(is_near, directed=False)[1])


def by_first(group: NDArray[np.int64]) -> list[int]:
    """The same groups, each named by its first member."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    return first[inverse].tolist()


def balanced(bits: int) -> Hashes:
    """All hashes that have half of so many bits: pairs at every even distance, most of them near."""
    return np.array([sum(1 << bit for bit in chosen) for chosen in combinations(range(bits), bits // 2)], np.uint64)


@st.composite
def crafted(draw: st.DrawFn) -> Hashes:
    """Hashes that vary in few bits of all, about a few centres: dense, sparse or in between."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    count, bits, centres = draw(st.integers(0, 600)), draw(st.integers(1, 64)), draw(st.integers(1, 20))
    varying = np.bitwise_or.reduce(np.uint64(1) << random.permutation(64)[:bits].astype(np.uint64))
    centre = random.integers(0, 2**64, centres, dtype=np.uint64)[random.integers(0, centres, count)]
    return centre ^ (random.integers(0, 2**64, count, dtype=np.uint64) & varying)


@given(crafted(), st.integers(0, 16))
@settings(max_examples=60)
def test_groups_are_those_of_all_pairs(hashes: Hashes, near: int) -> None:
    assert by_first(near_groups(hashes, near)) == groups_of_all_pairs(hashes, near)


@pytest.mark.parametrize("seed", range(4))
def test_pairs_are_joined_in_few_rounds_however_they_hang_together(seed: int) -> None:
    count = 2_000
    numbers = np.random.default_rng(seed).permutation(count)
    star = np.full(count - 1, count - 1)
    for rows, others in [
        (numbers[:-1], numbers[1:]),
        (star, np.arange(count - 1)),
        (numbers[: count // 2], numbers[count // 2 :]),
    ]:
        groups = hash_search._Groups(count)
        groups.join(rows, others)
        roots = groups.roots(np.arange(count))
        assert (roots[rows] == roots[others]).all()
        assert len(np.unique(roots)) == count - len(rows)


@given(crafted(), st.integers(0, 9))
@settings(max_examples=30)
def test_groups_are_those_of_all_pairs_when_buckets_are_divided_again_and_again(hashes: Hashes, near: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PROBES": 1, "SMALL_BUCKET": 3, "CACHED": 250}.items():
            patch.setattr(hash_search, name, value)
        for name, value in {"SMALL_BUCKET": 3, "SORT_COST": 0}.items():
            patch.setattr(hash_bands, name, value)
        assert by_first(near_groups(hashes, near)) == groups_of_all_pairs(hashes, near)


def comparison_sizes(compare: Callable[[], object]) -> list[int]:
    """How many pairs of hashes are compared at a time, each time."""
    sizes, bitwise_count = [], np.bitwise_count

    def counted(differing: Hashes) -> NDArray[np.uint8]:
        sizes.append(differing.size)
        return bitwise_count(differing)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "bitwise_count", counted)
        compare()
    return sizes


def comparisons(hashes: Hashes) -> int:
    """How many pairs are compared in all, to join those that differ in six bits or fewer."""
    return sum(comparison_sizes(lambda: near_groups(hashes, 6)))


@pytest.mark.parametrize(
    "dense",
    [
        lambda: balanced(14),
        lambda: balanced(16),
        lambda: balanced(16) << np.uint64(48),
        lambda: np.concatenate([balanced(14), ~balanced(14)]),
        lambda: np.arange(20_000, dtype=np.uint64),
    ],
    ids=["14 choose 7", "16 choose 8", "of the highest bits", "two clusters", "numbers in a row"],
)
def test_a_dense_cluster_takes_no_more_comparisons_than_a_few_times_a_uniform_set(
    dense: Callable[[], Hashes],
) -> None:
    hashes = dense()
    uniform = np.random.default_rng(0).integers(0, 2**64, len(hashes), dtype=np.uint64)
    assert comparisons(hashes) < 8 * comparisons(uniform)


def test_comparisons_grow_little_faster_than_hashes() -> None:
    uniform = np.random.default_rng(0).integers(0, 2**64, 200_000, dtype=np.uint64)
    few, many = (comparisons(uniform[:count]) for count in (20_000, 200_000))
    assert many < 10**1.15 * few


def test_small_buckets_are_compared_together_where_hashes_do_not_fit_into_the_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uniform = np.random.default_rng(0).integers(0, 2**64, 6_000, dtype=np.uint64)
    in_one_piece = comparison_sizes(lambda: near_groups(uniform, 6))
    monkeypatch.setattr(hash_search, "CACHED", 3_000)
    in_pieces = comparison_sizes(lambda: near_groups(uniform, 6))
    assert sum(in_pieces) == sum(in_one_piece)
    assert len(in_one_piece) < len(in_pieces) < 3 * len(in_one_piece)


def test_many_hashes_that_are_all_the_same_are_no_burden() -> None:
    same = ["00" * 8] * 20_000
    assert set(clusters(pd.Series(same), pd.Series([f"{i:05}" for i in range(20_000)]), 6)) == {"00000"}


def test_a_hash_is_64_bits_and_none_is_0() -> None:
    assert hash_bits(pd.Series(["ff" * 8, "", "00" * 7 + "01"])).tolist() == [2**64 - 1, 0, 1]
    assert hash_bits(pd.Series([], dtype=str)).tolist() == []


@given(st.lists(st.integers(0, 2**63 - 1), max_size=40), st.integers(0, 10))
def test_pictures_share_a_group_where_they_are_near_mirrored_or_not(values: list[int], near: int) -> None:
    values += [value ^ MIRRORED ^ 0b101 for value in values[::3]]
    group = list(range(len(values)))
    for a, b in combinations(range(len(values)), 2):
        apart = values[a] ^ values[b]
        if min(apart.bit_count(), (apart ^ MIRRORED).bit_count()) <= near:
            group = [group[a] if number == group[b] else number for number in group]
    groups = groups_of_pictures(np.array(values, dtype=np.uint64), near)
    assert by_first(groups) == by_first(np.array(group, dtype=np.int64))


@given(st.data(), st.integers(0, 10), st.sampled_from([0, near_pictures.MANY_PICTURES]))
def test_the_nearest_picture_is_that_of_all_pairs_few_or_many(data: st.DataObject, near: int, many: int) -> None:
    values = data.draw(st.lists(st.integers(0, 2**63 - 1), max_size=20))
    turned = [value ^ MIRRORED ^ 0b101 for value in values[::2]]
    pictures = data.draw(st.lists(st.sampled_from([*values, *turned, 0]), max_size=20))
    expected = []
    for value in values:
        apart = [value ^ picture for picture in pictures]
        nearest = min((min(bits.bit_count(), (bits ^ MIRRORED).bit_count()) for bits in apart), default=HASH_BITS)
        expected.append(nearest if nearest <= near else HASH_BITS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_pictures, "MANY_PICTURES", many)
        distances = nearest_distances(np.array(values, np.uint64), np.array(pictures, np.uint64), near)
    assert distances.tolist() == expected


def test_many_pictures_take_far_fewer_comparisons_than_pairs() -> None:
    uniform = np.random.default_rng(0).integers(0, 2**64, 20_000, dtype=np.uint64)
    compared = comparison_sizes(lambda: nearest_distances(uniform, uniform[::2], 6))
    assert sum(compared) < 20_000 * 10_000 / 10
