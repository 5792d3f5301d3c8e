"""What was known of a link meets what came of fetching it again."""

from dataclasses import replace

import pandas as pd

from regraft.identity import Digest
from tests.links.checks import DAY, FIRST_DAY, GONE, OTHER, PHOTO, RESAVED, UNCHANGED, memories, reason


def test_a_resaved_picture_is_the_same_and_another_one_is_quarantined() -> None:
    reasons = [reason(memory) for memory in memories(PHOTO, RESAVED, OTHER, OTHER, PHOTO)]
    assert reasons == ["", "", "replaced", "replaced", ""]


def test_a_link_that_comes_back_with_another_picture_is_quarantined_too() -> None:
    assert [reason(memory) for memory in memories(PHOTO, GONE, OTHER)] == ["", "gone", "replaced"]


def test_a_rule_accepts_what_has_stayed_long_enough() -> None:
    *_, memory = memories(PHOTO, OTHER, OTHER)
    assert reason(memory, accepted_before=FIRST_DAY) == "replaced"
    assert reason(memory, accepted_before=FIRST_DAY + DAY) == ""


def test_a_picture_that_changes_again_is_replaced_since_its_last_change() -> None:
    third = replace(OTHER, digest=Digest("d" * 64), phash="0f" * 8)
    *_, memory = memories(PHOTO, OTHER, third, third)
    assert memory["replaced_at"].tolist() == [FIRST_DAY + 2 * DAY]


def test_dead_since_and_first_seen_are_kept() -> None:
    memory = memories(PHOTO, GONE, GONE)[-1].iloc[0]
    assert memory["first_seen"] == FIRST_DAY
    assert memory["dead_since"] == FIRST_DAY + DAY
    assert memory["checked_at"] == FIRST_DAY + 2 * DAY
    assert pd.isna(memories(PHOTO, GONE, PHOTO)[-1]["dead_since"].iloc[0])


def test_a_304_keeps_what_is_known_of_the_picture() -> None:
    before, after = (memory.iloc[0] for memory in memories(PHOTO, UNCHANGED))
    kept = ["digest", "bytes", "width", "height", "phash", "etag", "last_modified", "trusted_digest", "first_seen"]
    assert after[kept].tolist() == before[kept].tolist()
    assert (after["http_status"], after["outcome"], after["verdict"]) == (304, "not_modified", "alive")
