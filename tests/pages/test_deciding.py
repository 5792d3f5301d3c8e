"""Decisions that are made on the pages, and taken back there."""

import html
import re

import pytest
from starlette.testclient import TestClient

from regraft.dataset.decision import DecisionKind, standing
from regraft.dataset.decisions import all_decisions, known_decisions
from regraft.store.store import Store
from tests.pages.conftest import HOSTILE_URL, csrf, digest_of_link


def form_of(pages: TestClient, path: str, **fields: object) -> dict[str, object]:
    """The form of a page, with all of its pictures marked, and other fields than it has."""
    shown = pages.get(path).text
    hidden = {
        name: html.unescape(text) for name, text in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', shown)
    }
    items = [html.unescape(text) for text in re.findall(r'name="item" value="([^"]+)"', shown)]
    return {**hidden, "item": items, **fields}


def test_many_pictures_are_decided_about_at_once(pages: TestClient, store: Store) -> None:
    form = form_of(pages, "/pictures?verdict=junk", kind="reject", why="<b>not cats</b>")
    answer = pages.post("/decisions", data=form)
    assert answer.status_code == 303
    decisions = all_decisions(store)
    assert [decision.kind for decision in decisions] == [DecisionKind.REJECT] * 3
    assert {decision.why for decision in decisions} == {"<b>not cats</b>"}
    assert {decision.review for decision in decisions} == {""}, "none waited for a person"
    shown = pages.get(answer.headers["Location"]).text
    assert "3 pictures are rejected" in shown
    assert shown.count("decided: reject") == 3
    assert "<b>" not in pages.get("/decisions").text


def test_a_picture_is_moved_to_another_category(pages: TestClient, store: Store) -> None:
    digest = digest_of_link(store, "http://b.example/kitten.jpg")
    answer = pages.post("/decisions", data=form_of(pages, f"/pictures/{digest}", kind="move", to_category="cat"))
    [decision] = all_decisions(store)
    assert (decision.category, decision.to_category, decision.digest) == ("tiger", "cat", digest)
    assert "moved to cat" in pages.get(answer.headers["Location"]).text


def test_what_was_just_decided_is_taken_back_and_decided_again(pages: TestClient, store: Store) -> None:
    back = pages.post("/decisions", data=form_of(pages, "/pictures?reason=misfiled", kind="accept")).headers["Location"]
    undo = form_of(pages, back, id=[decision.id for decision in all_decisions(store)])
    undone = pages.post("/undo", data=undo).headers["Location"]
    assert standing(all_decisions(store)) == []
    assert "1 decision is taken back" in pages.get(undone).text
    again = form_of(pages, undone, id=all_decisions(store)[-1].id)
    pages.post("/undo", data=again)
    assert len(standing(all_decisions(store))) == 1


def test_a_decision_on_a_picture_with_a_hostile_url_keeps_that_url(pages: TestClient, store: Store) -> None:
    digest = digest_of_link(store, HOSTILE_URL)
    pages.post("/decisions", data=form_of(pages, f"/pictures/{digest}", kind="same_picture"))
    assert known_decisions(store)["url"].tolist() == [HOSTILE_URL]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"item": []}, 400, "No picture is marked"),
        ({"item": ["x"]}, 400, "no picture that could be understood"),
        ({"item": ["0" * 64 + " cat - http://a.example/cat0.jpg"]}, 404, "No link of this version shows"),
        ({"kind": "burn"}, 400, "There is no decision"),
        ({"kind": ""}, 400, "There is no decision"),
        ({"kind": "move", "to_category": "dog"}, 400, "There is no category"),
        ({"kind": "move", "to_category": ""}, 404, "category that it is moved to"),
        ({"version": "1999"}, 404, "There is no one version"),
    ],
)
def test_a_form_that_asks_for_what_is_not_there_changes_nothing(
    pages: TestClient, store: Store, fields: dict[str, object], status: int, words: str
) -> None:
    answer = pages.post("/decisions", data=form_of(pages, "/pictures?category=tiger", **{"kind": "reject"} | fields))
    assert answer.status_code == status
    assert words in answer.text
    assert all_decisions(store) == []


def test_what_nobody_decided_is_not_taken_back(pages: TestClient, store: Store) -> None:
    token = csrf(pages.get("/pictures").text)
    for ids in ([], ["0" * 16]):
        assert pages.post("/undo", data={"csrf": token, "id": ids}).status_code == 404
    assert all_decisions(store) == []


@pytest.mark.parametrize(
    "back", ["http://evil.example/", "//evil.example/x", "/\\evil.example", "javascript:alert(1)", "", "http://[::1"]
)
def test_a_form_leads_back_to_this_server_only(pages: TestClient, back: str) -> None:
    answer = pages.post("/decisions", data=form_of(pages, "/pictures?reason=misfiled", kind="skip", back=back))
    assert answer.status_code == 303
    assert re.match(r"/([?\w]|$)", answer.headers["Location"])


def test_of_the_same_form_sent_twice_one_decision_stands(pages: TestClient, store: Store) -> None:
    form = form_of(pages, "/pictures?reason=misfiled", kind="accept")
    pages.post("/decisions", data=form)
    pages.post("/decisions", data=form)
    assert len(standing(all_decisions(store))) == 1


def test_what_is_decided_waits_no_more_and_waits_again_once_that_is_taken_back(pages: TestClient, store: Store) -> None:
    form = form_of(pages, "/review?kind=misfiled", kind="skip")
    pages.post("/decisions", data=form)
    [decision] = all_decisions(store)
    assert decision.review == "misfiled"
    assert "Nothing of this kind" in pages.get("/review?kind=misfiled").text
    pages.post("/undo", data={"csrf": form["csrf"], "id": decision.id})
    assert pages.get("/review?kind=misfiled").text.count('class="tile') == 1
