"""A person decides about what a link shows: named by its URL or its digest, checked before anything is kept."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from regraft.dataset.decision import Decision, standing
from regraft.dataset.decisions import all_decisions, decide, known_decisions
from regraft.dataset.misfiled import remember
from regraft.dataset.placeholders import learn_placeholders
from regraft.errors import LinkError
from regraft.links.mementos import MEMENTOS, put_mementos
from regraft.links.memory import put_links
from regraft.links.shards import path_of
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.upkeep.decide import KnownPictures, decisions_on, kind_named
from tests.dataset.decided import decision
from tests.links.checks import FIRST_DAY, GONE, LINK, OTHER, PHOTO, memories


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that knows one link, whose picture was replaced."""
    store = Store(str(tmp_path))
    put_layout(store.disk, Layout())
    know(store, memories(PHOTO, OTHER)[-1])
    return store


def know(store: Store, links: pd.DataFrame) -> None:
    put_links(store, path_of(LINK, Layout()), links)


def decided(store: Store, name: str, kind: str = "accept", **fields: str) -> list[Decision]:
    """What a person decides about the picture of that name."""
    wish = decision(kind, "", **{"category": "", **fields})
    return decide(store, decisions_on(name, wish, KnownPictures(store)))


def test_a_person_accepts_what_a_link_shows_now(store: Store) -> None:
    [accepted] = decided(store, LINK, why="a fine cat")
    assert (accepted.digest, accepted.category, accepted.review) == (OTHER.digest, "cat", "replaced")
    assert (accepted.phash, accepted.why, accepted.decided_by) == (OTHER.phash, "a fine cat", "ada")
    with pytest.raises(LinkError, match="nothing to accept"):
        decided(store, LINK)
    with pytest.raises(LinkError, match="in no list"):
        decided(store, "v")


def test_a_link_that_is_spelt_otherwise_is_answered_with_the_one_of_the_list(store: Store) -> None:
    elsewhere = "http://elsewhere.org/"
    put_links(store, path_of(elsewhere, Layout()), memories(PHOTO)[-1].assign(url=elsewhere))
    for url in (LINK, elsewhere):
        with pytest.raises(LinkError, match=f"in no list .* Is it {url}"):
            decided(store, url.replace("http://", "HTTPS://WWW."))


def test_what_was_taken_back_can_be_accepted_again(store: Store) -> None:
    decided(store, LINK)
    decided(store, LINK, "undo")
    decided(store, LINK)
    assert known_decisions(store)["undone"].tolist() == [True, False, False]


def test_what_was_rejected_a_moment_ago_can_be_accepted(store: Store) -> None:
    know(store, memories(PHOTO)[-1])
    decided(store, LINK, "reject")
    assert decided(store, LINK)[0].review == "rejected"
    assert [held.kind for held in standing(all_decisions(store))] == ["accept"]


def test_a_picture_is_named_by_its_digest_too(store: Store) -> None:
    [accepted] = decided(store, OTHER.digest)
    assert accepted.url == LINK
    for kind, beginning in {"reject": OTHER.digest[:8], "skip": OTHER.digest[:12].upper()}.items():
        assert decided(store, beginning, kind)[0].digest == OTHER.digest
    with pytest.raises(LinkError, match="in no list"):
        decided(store, OTHER.digest[:7])
    with pytest.raises(LinkError, match="knows no picture"):
        decided(store, "0" * 64)


def test_a_picture_whose_links_are_gone_is_named_by_its_digest(store: Store) -> None:
    digest = store.blobs.put(b"a picture")
    [rejected] = decided(store, digest, "reject")
    assert (rejected.digest, rejected.category, rejected.url) == (digest, "", "")


def test_a_picture_that_was_called_misfiled_or_a_placeholder_is_accepted(store: Store) -> None:
    links = memories(PHOTO)[-1]
    know(store, links)
    with pytest.raises(LinkError, match="nothing to accept"):
        decided(store, LINK)
    remember(pd.DataFrame({"digest": [PHOTO.digest], "category": "cat", "like": "tiger"}), store, FIRST_DAY)
    assert decided(store, LINK)[0].review == "misfiled"
    decided(store, LINK, "undo")
    others = pd.concat([links.assign(url=f"http://x{n}.org/", final_url=f"http://x{n}.org/") for n in range(8)])
    learn_placeholders(others.reset_index(drop=True), store, FIRST_DAY)
    assert decided(store, LINK)[0].review == "placeholder"


def test_an_undo_names_a_decision_or_its_picture_or_its_link(store: Store) -> None:
    for _ in range(3):
        [kept] = decided(store, LINK, "reject")
        names = (kept.id, kept.digest, kept.url)
        [undo] = decided(store, names[len(all_decisions(store)) % 3], "undo")
        assert undo.undoes == kept.id
    with pytest.raises(LinkError, match="Nobody has decided anything"):
        decided(store, LINK, "undo")
    with pytest.raises(LinkError, match="in no list"):
        decided(store, "http://unknown.org/", "undo")


def test_an_empty_word_takes_back_no_decision_on_a_picture_without_a_link(store: Store) -> None:
    decided(store, store.blobs.put(b"a picture"), "reject")
    for kind in ("undo", "reject"):
        with pytest.raises(LinkError, match="An empty word names no link"):
            decided(store, "", kind)
    assert len(all_decisions(store)) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("move", {"to_category": "lynx"}, "no category 'lynx', only cat"),
        ("move", {}, "takes the category"),
        ("move", {"to_category": "cat"}, "in 'cat' already"),
        ("reject", {"category": "dog"}, "not in the list of 'dog'"),
    ],
)
def test_what_cannot_be_decided_is_refused_in_a_sentence(
    store: Store, kind: str, fields: dict[str, str], message: str
) -> None:
    with pytest.raises(LinkError, match=message) as refused:
        decided(store, LINK, kind, **fields)
    assert "\n" not in str(refused.value)
    assert all_decisions(store) == []


def test_a_link_that_shows_no_picture_has_nothing_to_decide_about(store: Store) -> None:
    know(store, memories(GONE)[-1])
    with pytest.raises(LinkError, match=r"shows no picture \(gone\)"):
        decided(store, LINK, "reject")


def test_what_an_archive_kept_of_a_dead_link_is_named_by_the_link(store: Store) -> None:
    know(store, memories(PHOTO, GONE)[-1])
    memento = {"url": LINK, "reason": "", "digest": PHOTO.digest, "phash": PHOTO.phash, "memento_at": FIRST_DAY}
    put_mementos(store, pa.Table.from_pylist([memento], schema=MEMENTOS).to_pandas())
    [rejected] = decided(store, LINK, "reject")
    assert (rejected.url, rejected.digest, rejected.category) == (LINK, PHOTO.digest, "cat")
    assert decided(store, PHOTO.digest, "undo")[0].undoes == rejected.id


def test_nobody_can_have_learnt_from_what_its_owner_opted_out(store: Store) -> None:
    know(store, memories(PHOTO)[-1].assign(verdict="junk", reason="opted_out"))
    with pytest.raises(LinkError, match="is opted_out"):
        decided(store, LINK)
    assert decided(store, LINK, "reject")


def test_the_kind_of_a_decision_is_one_of_seven() -> None:
    assert kind_named("skip") == "skip"
    with pytest.raises(LinkError, match="no decision 'Skip', only accept, reject, move"):
        kind_named("Skip")


def test_a_decision_about_a_link_in_two_lists_is_made_in_both(store: Store) -> None:
    links = memories(PHOTO)[-1]
    know(store, pd.concat([links, links.assign(category="dog")], ignore_index=True))
    assert [kept.category for kept in decided(store, LINK, "reject")] == ["cat", "dog"]
    [moved] = decided(store, LINK, "move", category="dog", to_category="cat")
    assert (moved.category, moved.to_category) == ("dog", "cat")
