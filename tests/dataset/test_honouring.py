"""What persons decided goes before all that is only seen, and what was taken back is as if it never was."""

import logging
from datetime import timedelta

import pandas as pd
import pytest

from regraft.config import ScreenSettings, SplitSettings
from regraft.dataset.decision import Decision
from regraft.dataset.honouring import Rulings, decisions_in
from regraft.dataset.misfiled import remember
from regraft.dataset.screening import Screened, screen
from regraft.store.store import Store
from regraft.verdicts import Reason
from tests.dataset.decided import decision
from tests.dataset.shown import BLACK, NEARLY_BLACK, NOW, WHITE, link, memory

CATEGORIES = ("cat", "dog")
NEAR = ScreenSettings().near


def screened(links: pd.DataFrame, store: Store, *decisions: Decision) -> Screened:
    rulings = Rulings(decisions, CATEGORIES, NEAR)
    return screen(links, ScreenSettings(), SplitSettings(), 0, store, NOW + timedelta(days=9), rulings)


def reasons(links: pd.DataFrame, store: Store, *decisions: Decision) -> list[str]:
    return screened(links, store, *decisions).links["reason"].tolist()


def replaced() -> pd.DataFrame:
    """A link that shows another picture, x, than the one that it is known for, and one that never changed."""
    links = memory(link("a", "x"), link("b", "y", WHITE))
    is_first = links["url"] == "a"
    return links.assign(
        trusted_digest=links["trusted_digest"].mask(is_first, "z"),
        trusted_phash=links["trusted_phash"].mask(is_first, "0f" * 8),
        replaced_at=links["replaced_at"].mask(is_first, NOW),
    )


@pytest.mark.parametrize("kind", ["accept", "same_picture"])
def test_a_picture_in_place_of_another_is_learnt_from_once_a_person_says_so(store: Store, kind: str) -> None:
    links, decided = replaced(), decision(kind, "x", url="a")
    assert reasons(links, store) == ["replaced", ""]
    assert reasons(links, store, decided) == ["", ""]
    assert reasons(links, store, decided, decision("undo", "x", undoes=decided.id)) == ["replaced", ""]
    assert reasons(links, store, decision(kind, "x", "dog")) == ["replaced", ""], "it is in no list of dogs"


def test_a_decision_holds_where_its_link_shows_the_picture_saved_anew(store: Store) -> None:
    links = replaced()
    saved_anew = decision("accept", "then", url="a", phash=NEARLY_BLACK)
    another = decision("accept", "then", url="a", phash=WHITE)
    elsewhere = decision("accept", "then", url="b", phash=NEARLY_BLACK)
    assert reasons(links, store, saved_anew) == ["", ""]
    assert reasons(links, store, another) == ["replaced", ""]
    assert reasons(links, store, elsewhere) == ["replaced", ""]
    assert Rulings([saved_anew], CATEGORIES, NEAR).on(links.assign(phash="")).empty


def test_a_rejected_picture_is_not_learnt_from_however_its_links_fare(store: Store) -> None:
    links = memory(link("a", "x"), link("b", "x"), link("c", "y", WHITE))
    whole = screened(links, store, decision("reject", "x"))
    assert whole.links["reason"].tolist() == ["rejected", "rejected", ""]
    assert whole.pictures["digest"].tolist() == ["y"]
    assert whole.survival["cat"].alive == 3, "its links live"
    assert reasons(replaced(), store, decision("reject", "x")) == ["rejected", ""]
    assert screened(replaced(), store, decision("reject", "x")).survival["cat"].alive == 1, "but what it showed is gone"


def test_a_picture_that_is_rejected_in_one_of_two_lists_is_the_others(store: Store) -> None:
    links = memory(link("a", "x"), link("b", "x", category="dog"))
    assert reasons(links, store) == ["duplicate", "duplicate"]
    assert reasons(links, store, decision("reject", "x")) == ["rejected", ""]
    assert reasons(links, store, decision("accept", "x", "dog")) == ["duplicate", ""]
    assert reasons(links, store, decision("reject", "x", "")) == ["rejected", "rejected"]
    both = screened(links, store, decision("reject", "x"))
    assert both.pictures[["digest", "category"]].to_numpy().tolist() == [["x", "dog"]]


def test_a_moved_picture_is_learnt_as_one_of_the_other_category(store: Store) -> None:
    links = memory(link("a", "x"), link("b", "x", category="dog"), link("c", "y", WHITE))
    moved = screened(links, store, decision("move", "x", to_category="dog"))
    assert moved.links["category"].tolist() == ["cat", "dog", "cat"], "the lists are as they are"
    assert moved.links["reason"].tolist() == ["", "duplicate", ""]
    assert moved.pictures[["digest", "category"]].to_numpy().tolist() == [["x", "dog"], ["y", "cat"]]
    [urls] = moved.pictures["urls"][moved.pictures["digest"] == "x"]
    assert list(urls) == ["a", "b"]


def test_what_was_moved_to_a_category_that_is_no_more_is_left_out(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert reasons(memory(link("a", "x")), store, decision("move", "x", to_category="lynx")) == ["rejected"]
    assert "'lynx', which is no category of this job" in caplog.text


@pytest.mark.parametrize("kind", ["accept", "move", "not_placeholder"])
def test_a_placeholder_is_taken_back_and_stays_known(store: Store, kind: str) -> None:
    links = memory(*(link(f"u{i}", "p") for i in range(4)))
    to = {"to_category": "dog"} if kind == "move" else {}
    assert reasons(links, store) == ["placeholder"] * 4
    assert reasons(links, store, decision(kind, "p", **to)) == ["", "duplicate", "duplicate", "duplicate"]
    assert reasons(links, store) == ["placeholder"] * 4


def test_a_placeholder_that_is_taken_back_may_be_rejected_after_all(store: Store) -> None:
    links = memory(*(link(f"u{i}", "p") for i in range(4)))
    assert reasons(links, store, decision("not_placeholder", "p"), decision("reject", "p")) == ["placeholder"] * 4


@pytest.mark.parametrize(("kind", "reason"), [("accept", ""), ("move", ""), ("same_picture", "misfiled")])
def test_a_misfiled_picture_is_learnt_from_once_a_person_says_where_it_belongs(
    store: Store, kind: str, reason: str
) -> None:
    links = memory(link("a", "x"), link("b", "y", WHITE))
    remember(pd.DataFrame({"digest": ["x"], "category": "cat", "like": "dog"}), store, NOW)
    decided = decision(kind, "x", **({"to_category": "dog"} if kind == "move" else {}))
    whole = screened(links, store, decided)
    assert whole.links["reason"].tolist() == [reason, ""]
    assert whole.learnt_by_decision == ({"x"} if not reason else set())
    assert reasons(links, store, decided, decision("undo", "x", undoes=decided.id)) == ["misfiled", ""]


def test_a_near_duplicate_that_a_person_accepts_as_such_is_another_picture(store: Store) -> None:
    digests = [f"{number:x}" * 64 for number in range(16)]
    links = memory(*(link(digest[0], digest, BLACK) for digest in digests)).assign(bytes=9999)  # photographs
    before = reasons(links, store)
    dropped = digests[before.index(Reason.NEAR_DUPLICATE)]
    accepted = screened(links, store, decision("accept", dropped, review="near_duplicate"))
    assert dropped in set(accepted.pictures["digest"])
    [cluster] = accepted.pictures["cluster"][accepted.pictures["digest"] == dropped]
    assert cluster == dropped
    assert accepted.links["reason"].tolist().count("near_duplicate") == before.count("near_duplicate") - 1
    assert reasons(links, store, decision("accept", dropped, review="misfiled")) == before, "that was another matter"


def test_links_and_decisions_say_which_held_where(store: Store) -> None:
    links = memory(link("a", "x"), link("b", "x"), link("c", "y", WHITE))
    first, second, on_nothing = decision("accept", "x"), decision("reject", "x"), decision("reject", "gone")
    skipped = decision("skip", "y")
    whole = screened(links, store, first, second, on_nothing, skipped)
    assert whole.links["decision"].tolist() == [second.id, second.id, ""]
    assert whole.decisions[["id", "links", "undone"]].to_numpy().tolist() == [
        [first.id, 0, False],
        [second.id, 2, False],
        [on_nothing.id, 0, False],
        [skipped.id, 0, False],
    ]
    assert decisions_in(whole.decisions) == [first, second, on_nothing, skipped]


def test_what_was_decided_holds_for_pictures_whose_links_are_gone(store: Store) -> None:
    earlier = pd.DataFrame({"digest": list("wxyz"), "category": ["cat", "cat", "cat", "dog"]})
    move, back = decision("move", "y", to_category="dog"), decision("move", "z", to_category="dog")
    rulings = Rulings([decision("reject", "x"), move, back, decision("undo", "z", undoes=back.id)], CATEGORIES, NEAR)
    relisted = rulings.relisted(earlier)
    assert relisted.to_numpy().tolist() == [["w", "cat"], ["y", "dog"], ["z", "cat"]]


def test_a_picture_that_looked_misfiled_in_both_of_its_lists_is_left_out_of_the_one_that_has_it(store: Store) -> None:
    for category, like in (("cat", "dog"), ("dog", "cat")):
        rows = {"digest": ["x"], "category": category, "like": like, "chance": 0.0}
        remember(pd.DataFrame(rows), store, NOW)
    move = decision("move", "x", to_category="dog")
    links = memory(link("a", "x"), link("b", "y", WHITE))
    assert reasons(links, store, move) == ["", ""]
    assert reasons(links, store, move, decision("undo", "x", undoes=move.id)) == ["misfiled", ""]


def test_a_moved_picture_that_nobody_can_label_is_rejected(store: Store) -> None:
    whole = screened(memory(link("a", "x"), link("b", "y", WHITE)), store, decision("move", "x", to_category="dog"))
    left = whole.without_unlabelled(whole.pictures[whole.pictures["category"] == "dog"])
    assert left.links["reason"].tolist() == ["rejected", ""]
    assert left.pictures["digest"].tolist() == ["y"]
    assert whole.without_unlabelled(whole.pictures.iloc[:0]) is whole
