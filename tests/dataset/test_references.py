"""What a verdict refers to: the picture that was replaced, what shows the same, the placeholder."""

from datetime import timedelta
from pathlib import Path

import pandas as pd

from regraft.config import ScreenSettings, SplitSettings
from regraft.dataset import misfiled
from regraft.dataset.honouring import NO_RULINGS
from regraft.dataset.placeholders import PLACEHOLDERS, find_placeholders
from regraft.dataset.screening import Screened, last_verdicts, screen
from regraft.dataset.splits import Split
from regraft.links.memory import COLUMNS, SCHEMA
from regraft.store.store import Store
from regraft.store.tables import from_parquet, parquet
from tests.dataset.shown import BLACK, NEARLY_BLACK, NO_PLACEHOLDERS, NOW, WHITE, link, memory

Evidence = tuple[str, str, int | None, str]
MIRRORED_BLACK = "55" * 8


def evidence(links: pd.DataFrame, placeholders: pd.DataFrame | None = None) -> list[Evidence]:
    """The reason, refers_to, distance and detail of each link; a picture whose digest begins with t is a test image."""

    def split_of_picture(category: str, digest: str) -> Split:
        return "test" if digest.startswith("t") else "train"

    if placeholders is None:
        placeholders = find_placeholders(links, NO_PLACEHOLDERS, NOW)
    judged, _ = last_verdicts(links, placeholders, 6, split_of_picture)
    rows = judged[["reason", "refers_to", "distance", "detail"]].itertuples(index=False)
    return [(reason, to, None if pd.isna(bits) else int(bits), detail) for reason, to, bits, detail in rows]


def test_what_is_alive_refers_to_nothing() -> None:
    assert evidence(memory(link("a", "x"))) == [("", "", None, "")]


def test_a_replaced_link_refers_to_the_picture_that_it_is_known_for() -> None:
    links = memory(link("a", "x", NEARLY_BLACK), link("b", "y", WHITE))
    links["replaced_at"] = links["replaced_at"].mask(links["url"] == "a", NOW - timedelta(days=2))
    links.loc[0, ["trusted_digest", "trusted_phash"]] = ["old", "ff" * 8]
    since = "it has shown this picture since 2025-12-30 00:00 UTC"
    assert evidence(links) == [("replaced", "old", 63, since), ("", "", None, "")]


def test_a_placeholder_refers_to_its_bytes_and_says_how_many_links_show_it() -> None:
    links = memory(*(link(f"u{i}", "p") for i in range(4)), link("a", "x", WHITE))
    assert evidence(links) == [("placeholder", "p", 0, "links that show this picture: 4")] * 4 + [("", "", None, "")]


def test_a_placeholder_refers_to_the_address_that_links_lead_to() -> None:
    links = memory(*(link(f"u{i}", f"d{i}", f"{i:016x}", final_url="gone.png") for i in range(3)))
    placeholders = pd.DataFrame([("", "gone.png", "", 0, 0, NOW)], columns=PLACEHOLDERS.names)
    words = "links that lead to this address: 3"
    assert evidence(links, placeholders) == [("placeholder", "gone.png", None, words)] * 3


def test_links_that_show_one_colour_refer_to_the_address_that_they_lead_to() -> None:
    links = memory(
        *(link(f"u{i}", "", final_url=url) for i, url in enumerate(["gone.png", "gone.png", "x.png", "u3", ""]))
    )
    links = links.assign(verdict="junk", reason="placeholder", detail="one colour")
    shared, alone = "one colour; links that lead to this address: 2", ("placeholder", "", None, "one colour")
    assert evidence(links) == [("placeholder", "gone.png", None, shared)] * 2 + [alone] * 3


def test_a_placeholder_refers_to_the_nearest_picture_that_it_is_a_variant_of() -> None:
    pictures = [("", "", phash, 200, 200, NOW) for phash in ("00" * 7 + "07", BLACK)]
    placeholders = pd.DataFrame(pictures, columns=PLACEHOLDERS.names)
    links = memory(link("a", "x", NEARLY_BLACK), link("b", "y", WHITE))
    words = "links that show this picture: 1"
    assert evidence(links, placeholders)[0] == ("placeholder", f"{BLACK} 200x200", 1, words)


def test_a_copy_refers_to_its_bytes_and_names_the_link_that_is_kept() -> None:
    links = memory(link("a{}", "x"), link("b", "x"))
    assert evidence(links) == [("", "", None, ""), ("duplicate", "x", 0, "the same bytes as a{}")]


def test_a_copy_in_another_list_names_the_lists() -> None:
    links = memory(link("a", "x"), link("b", "x", category="tiger"), link("c", "x"))
    assert set(evidence(links)) == {("duplicate", "x", 0, "the same bytes are in the lists of cat and tiger")}


def test_a_near_duplicate_refers_to_the_nearest_of_its_cluster_that_stays() -> None:
    far, near = "00" * 7 + "07", NEARLY_BLACK
    links = memory(link("a", "x", BLACK), link("b", "t1", far), link("c", "t2", near), link("d", "m", MIRRORED_BLACK))
    words = "it shows the same as a picture of the test split"
    assert evidence(links) == [
        ("near_duplicate", "t2", 1, words),
        ("", "", None, ""),
        ("", "", None, ""),
        ("near_duplicate", "t2", 1, f"mirrored, {words}"),
    ]


def test_evidence_is_kept_in_a_version_as_it_was_found() -> None:
    links = memory(link("a", "x"), link("b", "x"))
    judged, pictures = last_verdicts(links, NO_PLACEHOLDERS, 6, lambda category, digest: "train")
    kept = from_parquet(parquet(from_parquet(parquet(judged[COLUMNS])), SCHEMA))  # by way of a run's drafts
    assert kept["distance"].isna().tolist() == [True, False]
    assert kept["distance"].iloc[1] == 0
    left = Screened(kept, pictures, {}, NO_RULINGS.table(kept["decision"])).without_undecoded(pictures)
    assert left.links["reason"].tolist() == ["truncated", "duplicate"]
    assert left.links["detail"].iloc[0] == "it is whole, but it does not decode for the backbone"
    assert left.pictures.empty


def test_a_misfiled_picture_refers_to_its_neighbours(tmp_path: Path) -> None:
    store, links = Store(str(tmp_path)), memory(link("a", "x"), link("b", "y", WHITE), link("c", "z", "0f" * 8))
    suspects = [("x", "cat", "dog", 0.01, 0.9, "n1 n2"), ("y", "cat", "dog", 0.01, None, None)]
    names = ["digest", "category", "like", "chance", "share", "neighbours"]
    misfiled.remember(pd.DataFrame(suspects, columns=names), store, NOW)
    screened = screen(links, ScreenSettings(), SplitSettings(), 0, store, NOW)
    assert screened.links[["reason", "refers_to", "detail"]].to_numpy().tolist() == [
        ["misfiled", "n1 n2", "90% of its nearest neighbours are dog"],
        ["misfiled", "", "it looks like dog"],
        ["", "", ""],
    ]


def test_a_picture_that_nothing_labels_says_so(tmp_path: Path) -> None:
    links = memory(link("a", "x"), link("b", "y", WHITE))
    screened = screen(links, ScreenSettings(), SplitSettings(), 0, Store(str(tmp_path)), NOW)
    left = screened.without_unlabelled(screened.pictures[screened.pictures["digest"] == "y"])
    assert left.links[["reason", "detail"]].to_numpy().tolist() == [
        ["", ""],
        ["rejected", "nothing labels it in the category that it was moved to"],
    ]
    assert left.pictures["digest"].tolist() == ["x"]
