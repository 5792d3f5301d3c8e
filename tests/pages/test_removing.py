"""Pictures that are removed for good on the pages."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from starlette.testclient import TestClient

from regraft.links.memory import MEMORY, put_links
from regraft.links.shards import path_of
from regraft.store import versions
from regraft.store.layout import Layout
from regraft.store.store import Store
from regraft.upkeep.receipt import receipts
from tests.pages.conftest import VERSION, browser, csrf, digest_of_link

URL = "http://b.example/kitten.jpg"
LEARNT = "http://a.example/cat1.jpg"


def test_what_would_go_is_shown_and_nothing_is_removed(pages: TestClient, store: Store) -> None:
    digest = digest_of_link(store, URL)
    shown = pages.get("/remove", params={"what": digest}).text
    assert f"versions/{VERSION}/links.parquet" in shown
    assert store.blobs.has(digest)
    assert list(receipts(store)) == []


@pytest.mark.parametrize("name", ["picture", "link"])
def test_what_is_removed_is_gone_from_every_page_and_has_a_receipt(pages: TestClient, store: Store, name: str) -> None:
    digest = digest_of_link(store, URL)
    what = digest if name == "picture" else URL
    form = {"csrf": csrf(pages.get("/remove", params={"what": what}).text), "what": what, "why": "<b>its owner</b>"}
    assert pages.get(f"/thumbnails/small/{digest}.jpg").status_code == 200
    answer = pages.post("/remove", data=form)
    assert answer.status_code == 303
    assert answer.headers["Clear-Site-Data"] == '"cache"', "the browser keeps thumbnails for a day"
    receipt = pages.get(answer.headers["Location"])
    assert receipt.status_code == 200
    assert "<b>its owner" not in receipt.text
    assert "script" not in receipt.headers["Content-Security-Policy"]
    assert pages.get(f"/thumbnails/small/{digest}.jpg").status_code == 404
    assert pages.get(f"/pictures/{digest}").status_code == 404
    assert digest not in pages.get("/pictures").text
    assert URL not in set(versions.newest(store).table("links.parquet")["url"])


def test_the_first_page_says_where_its_figures_still_count_what_is_removed(pages: TestClient, store: Store) -> None:
    what = digest_of_link(store, LEARNT)
    assert "removed since" not in pages.get("/").text
    form = {"csrf": csrf(pages.get("/remove", params={"what": what}).text), "what": what, "why": "its owner"}
    assert pages.post("/remove", data=form).status_code == 303
    assert "1 of these images was removed since" in pages.get("/").text


def test_prefect_is_asked_to_forget_the_versions_that_change(store: Store) -> None:
    asked_for: list[str] = []

    def ask(names: Sequence[str]) -> str:
        asked_for.extend(names)
        return "Reports in Prefect's dashboard that were deleted: 1."

    with browser(store, ask_prefect=ask) as pages:
        what = {"what": digest_of_link(store, URL)}
        form = {"csrf": csrf(pages.get("/remove", params=what).text), "why": "so", **what}
        receipt = pages.get(pages.post("/remove", data=form).headers["Location"])
    assert asked_for == [VERSION]
    assert "deleted: 1." in receipt.text


def test_nothing_is_removed_without_a_reason_or_a_form_of_this_server(pages: TestClient, store: Store) -> None:
    digest = digest_of_link(store, URL)
    token = csrf(pages.get("/pictures").text)
    assert pages.post("/remove", data={"csrf": token, "what": digest, "why": " "}).status_code == 400
    assert pages.post("/remove", data={"csrf": "", "what": digest, "why": "so"}).status_code == 403
    assert store.blobs.has(digest)


@pytest.mark.parametrize("what", ["http://a.example/other.jpg", "0" * 64, "x"])
def test_what_is_not_there_is_not_removed(pages: TestClient, store: Store, what: str) -> None:
    assert pages.get("/remove", params={"what": what}).status_code == 404
    token = csrf(pages.get("/pictures").text)
    assert pages.post("/remove", data={"csrf": token, "what": what, "why": "so"}).status_code == 404
    assert list(receipts(store)) == []


def test_while_a_run_is_under_way_nothing_is_removed(pages: TestClient, store: Store) -> None:
    digest = digest_of_link(store, URL)
    token = csrf(pages.get("/pictures").text)
    with store.run("a job"):
        answer = pages.post("/remove", data={"csrf": token, "what": digest, "why": "so"})
    assert answer.status_code == 503
    assert "under way" in answer.text
    assert store.blobs.has(digest)


def test_a_receipt_that_is_not_there_is_said_not_to_be(pages: TestClient) -> None:
    assert pages.get("/receipts/20260101T000000Z.html").status_code == 404
    assert pages.get("/receipts/..%2fchampion.html").status_code == 404


def test_links_hosts_and_pictures_are_named_together(pages: TestClient, store: Store) -> None:
    digest = digest_of_link(store, URL)
    shown = pages.get("/remove", params={"what": f"a.example\r\n{digest[:12]}"})
    assert shown.status_code == 200
    form = {"csrf": csrf(shown.text), "what": f"a.example\r\n{digest[:12]}", "why": "so"}
    assert pages.post("/remove", data=form).status_code == 303
    left = set(versions.newest(store).table("links.parquet")["url"])
    assert not any(url.startswith("http://a.example/") for url in left)
    assert URL not in left


def test_links_whose_owners_have_opted_out_are_offered(pages: TestClient, store: Store) -> None:
    form = pages.get("/remove")
    assert form.status_code == 200
    assert "opted out" not in form.text
    path = path_of(URL, Layout())
    row = {"url": URL, "category": "cat", "verdict": "junk", "reason": "opted_out", "digest": ""}
    table = pd.DataFrame([row]).reindex(columns=MEMORY.names)
    put_links(store, path, pd.concat([MEMORY.empty_table().to_pandas(), table], ignore_index=True))
    assert f"readonly>{URL}</textarea>" in pages.get("/remove").text


def test_no_copy_of_a_remote_store_keeps_what_is_removed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    digest = digest_of_link(store, URL)
    with browser(Store(f"local://{store.url}")) as pages:
        shown = pages.get("/remove", params={"what": digest})
        for path in ("/links", f"/pictures/{digest}", f"/thumbnails/small/{digest}.jpg"):
            assert pages.get(path).status_code == 200
        assert list(tmp_path.glob("regraft-scratch-*/*links.parquet"))
        assert pages.post("/remove", data={"csrf": csrf(shown.text), "what": digest, "why": "so"}).status_code == 303
        assert list(tmp_path.glob("regraft-scratch-*/*")) == []
        assert pages.get("/links").status_code == 200
