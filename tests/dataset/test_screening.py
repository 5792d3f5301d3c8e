"""What only all links together can tell: the last verdicts, and the pictures that are left to learn from."""

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from regraft.config import ScreenSettings, SplitSettings
from regraft.dataset import misfiled
from regraft.dataset.placeholders import find_placeholders
from regraft.dataset.screening import PICTURES, last_verdicts, screen
from regraft.dataset.splits import Split
from regraft.links.memory import COLUMNS, OF_AN_ARCHIVE
from regraft.store.store import Store
from regraft.store.tables import from_parquet, parquet
from tests.dataset.shown import BLACK, NEARLY_BLACK, NO_PLACEHOLDERS, NOW, WHITE, link, memory


def reasons(links: pd.DataFrame) -> list[str]:
    """The links' last reasons, where all pictures are in the same split."""
    placeholders = find_placeholders(links, NO_PLACEHOLDERS, NOW)
    judged, _ = last_verdicts(links, placeholders, 6, lambda category, digest: "train")
    return judged["reason"].tolist()


def test_a_picture_behind_many_links_is_a_placeholder_and_one_behind_two_is_a_duplicate() -> None:
    many = [link(f"u{i}", "p") for i in range(4)]
    assert reasons(memory(*many, link("a", "x", WHITE), link("b", "x", WHITE))) == [
        *["placeholder"] * 4,
        "",
        "duplicate",
    ]


def test_an_address_that_links_redirect_to_is_a_placeholder() -> None:
    links = memory(*(link(f"u{i}", f"d{i}", f"{i:016x}", final_url="gone.png") for i in range(3)))
    assert reasons(links) == ["placeholder"] * 3


def test_the_same_picture_in_two_categories_is_left_out_of_both() -> None:
    assert reasons(memory(link("a", "x"), link("b", "x", category="tiger"))) == ["duplicate"] * 2


def test_of_copies_the_link_that_was_seen_first_stays_and_the_picture_has_all_urls() -> None:
    links = memory(link("a", "x"), link("b", "x"), link("c", "y", WHITE))
    links["first_seen"] = [NOW, NOW - timedelta(days=1), NOW]
    judged, pictures = last_verdicts(links, NO_PLACEHOLDERS, 6, lambda category, digest: "train")
    assert judged["reason"].tolist() == ["duplicate", "", ""]
    assert pictures.columns.tolist() == PICTURES
    assert [list(urls) for urls in pictures["urls"]] == [["b", "a"], ["c"]]


@pytest.mark.parametrize("digests", [["x", "y"], ["y", "x"], ["x", "x"]])
def test_few_pictures_of_several_shards_are_put_together(digests: list[str]) -> None:
    shards = [memory(link(f"u{i}", digest, WHITE if digest == "y" else BLACK)) for i, digest in enumerate(digests)]
    tables = [from_parquet(parquet(shard)) for shard in shards]  # as tasks hand them over
    links = pd.concat(tables, ignore_index=True)
    _, pictures = last_verdicts(links, NO_PLACEHOLDERS, 6, lambda category, digest: "train")
    assert pictures["digest"].tolist() == sorted(set(digests))
    assert sorted(url for urls in pictures["urls"] for url in urls) == [f"u{i}" for i in range(len(digests))]


def test_near_duplicates_never_lie_on_two_sides_of_a_split() -> None:
    links = memory(link("a", "x", BLACK), link("b", "y", NEARLY_BLACK))
    split_of_digest: dict[str, Split] = {"x": "train", "y": "test"}
    judged, pictures = last_verdicts(links, NO_PLACEHOLDERS, 6, lambda category, digest: split_of_digest[digest])
    assert judged["reason"].tolist() == ["near_duplicate", ""]
    assert pictures["digest"].tolist() == ["y"]


def test_near_duplicates_in_one_split_stay_as_one_cluster() -> None:
    links = memory(link("a", "x", BLACK), link("b", "y", NEARLY_BLACK), link("c", "z", WHITE))
    judged, pictures = last_verdicts(links, NO_PLACEHOLDERS, 6, lambda category, digest: "train")
    assert judged["reason"].tolist() == ["", "", ""]
    assert pictures["cluster"].tolist() == ["x", "x", "z"]


def screened(links: pd.DataFrame, store: Store, **settings: object) -> list[str]:
    whole = screen(links, ScreenSettings.model_validate(settings), SplitSettings(), 0, store, NOW + timedelta(days=9))
    assert whole.links.columns.tolist() == [*COLUMNS, *OF_AN_ARCHIVE.names]
    assert whole.survival["cat"].ever_alive == len(links)
    assert len(whole.pictures) == whole.links["reason"].eq("").sum()
    return whole.links["reason"].tolist()


def test_what_is_known_to_be_misfiled_is_left_out(tmp_path: Path) -> None:
    store, links = Store(str(tmp_path)), memory(link("a", "x"), link("b", "y", WHITE))
    misfiled.remember(pd.DataFrame({"digest": ["x"], "category": "cat", "like": "tiger", "chance": 0.0}), store, NOW)
    assert screened(links, store) == ["misfiled", ""]
    assert screened(links, store, misfiled=False) == ["", ""]
    accepted_by_earlier_regraft = misfiled.known_misfiled(store).assign(accepted=True)
    store.tables.write("links/misfiled.parquet", accepted_by_earlier_regraft, misfiled.MISFILED)
    assert screened(links, store) == ["", ""]


def test_what_is_replaced_is_accepted_after_the_days_that_the_config_says(tmp_path: Path) -> None:
    store, links = Store(str(tmp_path)), memory(link("a", "x"), link("b", "y", WHITE))
    is_first = links["url"] == "a"
    links["trusted_digest"] = links["trusted_digest"].mask(is_first, "z")
    links["replaced_at"] = links["replaced_at"].mask(is_first, NOW)
    assert screened(links, store) == ["replaced", ""]
    assert screened(links, store, accept_replaced_days=10) == ["replaced", ""]
    assert screened(links, store, accept_replaced_days=9) == ["", ""]
