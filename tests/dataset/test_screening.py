"""What only all links together can tell."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from regraft.dataset.placeholders import PLACEHOLDERS, find_placeholders
from regraft.dataset.screening import last_verdicts
from regraft.links.findings import Finding
from regraft.links.merge import merged
from regraft.pictures.near import clusters, near_pairs

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NONE = PLACEHOLDERS.empty_table().to_pandas()


def links(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    asked = pd.DataFrame([(url, category) for url, category, *_ in rows], columns=["url", "category"])
    findings = [
        Finding(url=u, final_url=f or u, digest=d, phash=p, width=99, height=99, bytes=99) for u, _, d, p, f in rows
    ]
    return merged(asked, findings, pd.DataFrame(columns=["url"]), NOW, 6)


def reasons(table: pd.DataFrame, split: str = "train") -> list[str]:
    judged, _ = last_verdicts(table, find_placeholders(table, NONE, NOW), 6, lambda c, d: split)
    return judged["reason"].tolist()


def test_a_picture_behind_many_links_is_a_placeholder_and_one_behind_two_is_a_duplicate() -> None:
    many = [(f"u{i}", "cat", "p", "00" * 8, "") for i in range(4)]
    assert reasons(links(*many, ("a", "cat", "x", "ff" * 8, ""), ("b", "cat", "x", "ff" * 8, ""))) == [
        *["placeholder"] * 4,
        "",
        "duplicate",
    ]


def test_an_address_that_links_redirect_to_is_a_placeholder() -> None:
    assert (
        reasons(links(*((f"u{i}", "cat", f"d{i}", f"{i:016x}", "gone.png") for i in range(3)))) == ["placeholder"] * 3
    )


def test_the_same_picture_in_two_categories_is_left_out_of_both() -> None:
    assert reasons(links(("a", "cat", "x", "00" * 8, ""), ("b", "tiger", "x", "00" * 8, ""))) == ["duplicate"] * 2


def test_near_duplicates_never_lie_on_two_sides_of_a_split() -> None:
    table = links(("a", "cat", "x", "00" * 8, ""), ("b", "cat", "y", "00" * 7 + "01", ""))
    judged, pictures = last_verdicts(table, NONE, 6, lambda c, d: {"x": "train", "y": "test"}[d])
    assert judged["reason"].tolist() == ["near_duplicate", ""]
    assert pictures["digest"].tolist() == ["y"]


def test_near_pairs_are_those_of_brute_force() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**63, 200, dtype=np.uint64)
    bits = np.concatenate([bits, bits[:50] ^ np.uint64(0b1011), bits[50:90] ^ np.uint64(0x1040001000100403)])
    brute = [
        (i, j) for i in range(len(bits)) for j in range(i + 1, len(bits)) if int(bits[i] ^ bits[j]).bit_count() <= 6
    ]
    assert near_pairs(bits, 6) == brute


def test_a_photograph_is_copied_more_often_than_a_picture_of_words() -> None:
    table = links(*((f"u{i}", "cat", "p", "00" * 8, "") for i in range(5))).assign(bytes=5_000)
    assert reasons(table) == ["", *["duplicate"] * 4]


def test_a_placeholder_whose_bytes_vary_is_found_and_known_from_the_first_link_on() -> None:
    varied = links(*((f"v{i}", "cat", f"e{i}", f"{i % 2:016x}", "") for i in range(5)))
    known = find_placeholders(varied, NONE, NOW)
    assert known["phash"].tolist() != []
    later = links(("w", "cat", "other", "0" * 16, ""))
    judged, _ = last_verdicts(later, known, 6, lambda c, d: "train")
    assert judged["reason"].tolist() == ["placeholder"]


def test_near_duplicates_of_another_size_are_no_placeholder() -> None:
    rows = [(f"u{i}", "cat", f"d{i}", "0" * 16, "") for i in range(6)]
    table = links(*rows).assign(width=range(100, 106))
    assert "placeholder" not in reasons(table)


def test_many_hashes_that_are_all_the_same_are_no_burden() -> None:
    same = ["00" * 8] * 20_000
    assert set(clusters(pd.Series(same), pd.Series([f"{i:05}" for i in range(20_000)]), 6)) == {"00000"}
