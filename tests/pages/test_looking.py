"""What the pages show, and that a hostile URL stays text."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from regraft.flows.cli.output import print_run_summary
from regraft.flows.web.app import curator
from regraft.identity import Digest
from regraft.links.memory import SCHEMA
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import parquet
from tests.pages.conftest import HOST, HOSTILE_URL, SCRIPT_URL, VERSION, browser, digest_of_link, drawn, links_of
from tests.records import metrics_record, run_record


def sentence_of(text: str) -> str:
    """The sentence of a page that says what is wrong."""
    match = re.search(r'<p class="lead">(.*?)</p>', text, re.DOTALL)
    assert match
    return match[1]


def test_the_versions_are_listed_with_their_reports(pages: TestClient) -> None:
    shown = pages.get("/").text
    assert f"/{VERSION}/report.html" in shown
    report = pages.get(f"/{VERSION}/report.html")
    assert report.text == "<!doctype html><title>report</title>"
    assert "img-src data:" in report.headers["Content-Security-Policy"]
    assert pages.get(f"/{VERSION}/metrics.json").headers["Content-Type"] == "application/json"


def test_a_categorys_name_stays_what_it_is(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    links = links_of(store).replace({"category": {"cat": "big_cat"}})
    counts = run_record().counts.model_copy(update={"images": {"big_cat": 3, "tiger": 1}})
    files = {"run.json": run_record(counts=counts).to_bytes(), "metrics.json": metrics_record().to_bytes()}
    version = versions.publish(store, "20270101T000000Z", files | {"links.parquet": parquet(links, SCHEMA)})
    with browser(store) as client:
        shown = client.get("/links").text
    assert '<option value="big_cat">big_cat</option>' in shown
    print_run_summary(version, "", as_json=False)
    assert "3 big_cat, 1 tiger" in capsys.readouterr().out


def test_it_is_drawn_how_long_links_last(pages: TestClient) -> None:
    shown = pages.get("/").text
    assert "How long links last" in shown
    assert "Kaplan-Meier" in shown
    assert " style=" not in shown


@pytest.mark.parametrize("path", ["/", "/links", "/pictures", "/static/curator.css", f"/{VERSION}/report.html"])
def test_head_is_answered_as_get(pages: TestClient, path: str) -> None:
    head, whole = pages.head(path), pages.get(path)
    assert (head.status_code, head.headers) == (200, whole.headers)
    assert pages.head("/undo").status_code == 405


@pytest.mark.parametrize("path", ["run.parquet", "links.parquet", "head.keras", "..%2f..%2fchampion.json"])
def test_nothing_else_of_a_version_is_served(pages: TestClient, path: str) -> None:
    assert pages.get(f"/{VERSION}/{path}").status_code == 404


def test_links_are_filtered_and_searched(pages: TestClient) -> None:
    def urls(query: str) -> int:
        return pages.get(f"/links?{query}").text.count('<td class="url">')

    assert urls("") == 8
    assert urls("verdict=dead") == 1
    assert urls("reason=misfiled&category=tiger") == 1
    assert urls("host=b.example") == 3
    assert urls("text=CAT0") == 2
    assert urls("reason=alive") == 4
    assert urls("reason=archived") == 0
    assert pages.get("/links?reason=broken").status_code == 404
    assert "No link fits" in pages.get("/links?host=nowhere.example").text


@pytest.mark.parametrize("address", ["/links", "/pictures"])
def test_a_form_that_is_sent_as_it_stands_shows_all(pages: TestClient, store: Store, address: str) -> None:
    """A browser sends the fields that are empty, too."""
    newest = versions.newest(store)
    versions.publish(store, "20260102T000000Z", {file: newest.read(file) for file in (*newest.digests, "run.json")})
    form = dict.fromkeys(("verdict", "reason", "category", "host", "text", "version", "page", "batch"), "")
    assert pages.get(address, params=form).text == pages.get(address).text
    assert pages.get(address, params={**form, "verdict": "junk"}).text == pages.get(f"{address}?verdict=junk").text


def test_pictures_are_shown_once_each(pages: TestClient, store: Store) -> None:
    shown = pages.get("/pictures").text
    assert shown.count('class="tile"') == 6
    assert pages.get("/pictures?verdict=junk").text.count('class="tile"') == 3
    assert pages.get("/pictures?verdict=dead").text.count('class="tile"') == 0


def test_a_picture_has_its_links_its_prediction_and_what_looks_like_it(pages: TestClient, store: Store) -> None:
    digest = digest_of_link(store, "http://a.example/cat0.jpg")
    shown = pages.get(f"/pictures/{digest}").text
    assert "http://a.example/cat0.jpg" in shown
    assert "http://b.example/cat0.jpg" in shown
    assert "test split: 42 cm, label 40" in shown
    assert "1 of 64 bits differ" in shown


def test_a_picture_has_what_its_list_says_of_it(pages: TestClient, store: Store) -> None:
    digest, other = (digest_of_link(store, f"http://a.example/cat{number}.jpg") for number in range(2))
    shown = pages.get(f"/pictures/{digest}").text
    assert '<dt>licence</dt><dd><span class="url">CC BY 4.0</span></dd>' in shown.replace("\n", "")
    assert "&lt;b&gt;Ada&lt;/b&gt;" in shown
    assert "<dt>views</dt>" in shown
    assert "<dt>licence</dt>" not in pages.get(f"/pictures/{other}").text


def test_a_link_has_a_page_of_its_own_also_without_a_picture(pages: TestClient) -> None:
    shown = pages.get("/link", params={"url": "http://a.example/gone.jpg"})
    assert "404" in shown.text
    assert pages.get("/link", params={"url": "http://a.example/other.jpg"}).status_code == 404


def test_hostile_urls_stay_text_everywhere(pages: TestClient, store: Store) -> None:
    for path in ("/links", "/pictures", f"/pictures/{digest_of_link(store, HOSTILE_URL)}"):
        shown = pages.get(path).text
        assert "<script>alert" not in shown
        assert "\u202e" not in re.sub(r"value=\"[^\"]*\"", "", shown)
        assert not re.search(r"<[^>]*\"onerror=", shown)
    shown = pages.get(f"/pictures/{digest_of_link(store, SCRIPT_URL)}").text
    assert 'href="javascript:' not in shown
    assert "javascript:alert(1)" in shown


def test_links_that_lead_out_say_nothing_of_where_they_are(pages: TestClient, store: Store) -> None:
    shown = pages.get(f"/pictures/{digest_of_link(store, 'http://a.example/cat0.jpg')}").text
    leading_out = re.findall(r'<a [^>]*href="http[^>]*>', shown)
    assert leading_out
    assert all('rel="noopener noreferrer"' in tag for tag in leading_out)


def test_thumbnails_are_encoded_anew_and_kept_by_the_browser(pages: TestClient, store: Store) -> None:
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script>"
    digest = store.blobs.put(drawn(9, exif=exif, comment=b"secret"))
    small = pages.get(f"/thumbnails/small/{digest}.jpg")
    assert small.headers["Content-Type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(small.content))
    assert picture.size == (192, 192)
    assert b"script" not in small.content
    assert b"secret" not in small.content
    assert not picture.getexif()
    assert "immutable" in small.headers["Cache-Control"]
    again = pages.get(f"/thumbnails/small/{digest}.jpg", headers={"If-None-Match": small.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    store.blobs.at(digest).delete()
    assert pages.get(f"/thumbnails/small/{digest}.jpg").status_code == 404


def test_bytes_that_are_no_picture_have_no_thumbnail(pages: TestClient, store: Store) -> None:
    digest = store.blobs.put(b"<html><script>alert(1)</script>")
    answer = pages.get(f"/thumbnails/small/{digest}.jpg")
    assert answer.status_code == 404
    assert "no picture" in sentence_of(answer.text)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nowhere", 404, "There is no page /nowhere"),
        ("/links?version=1999", 404, "There is no one version"),
        ("/links?page=0", 400, "page"),
        ("/links?page=cat", 400, "page"),
        ("/links?page=7", 404, "There is no page 7"),
        ("/links?verdict=odd", 400, "alive"),
        ("/links?reason=odd", 404, "no reason"),
        ("/pictures/abc", 404, "There is no page"),
        (f"/pictures/{'0' * 64}", 404, "There is no picture 00000000"),
        (f"/thumbnails/huge/{'0' * 64}.jpg", 404, "There is no page"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(pages: TestClient, path: str, status: int, words: str) -> None:
    answer = pages.get(path)
    assert answer.status_code == status
    assert words in sentence_of(answer.text)


def test_a_damaged_table_is_said_to_be_damaged(pages: TestClient, store: Store) -> None:
    path = f"versions/{VERSION}/links.parquet"
    store.disk.write(path, store.disk.read(path)[:-100])
    answer = pages.get("/links")
    assert answer.status_code == 500
    assert f"links.parquet of version {VERSION} is damaged" in sentence_of(answer.text)
    assert pages.get("/").status_code == 200, "what is whole is shown"


def test_a_server_that_prepares_has_its_first_page_ready(store: Store) -> None:
    app = curator(store, prepares=True)
    with TestClient(app, HOST):
        assert all(process._running for process in app.state.site.thumbnails._processes)
    newest = versions.newest(store)
    path = f"{newest.path}/links.parquet"
    store.disk.write(path, bytes(store.disk.size(path)))
    assert app.state.site.waiting(newest), "this was worked out before the table was damaged"


def test_a_store_that_is_gone_is_said_to_be_gone(tmp_path_factory: pytest.TempPathFactory) -> None:
    with browser(Store(str(tmp_path_factory.mktemp("empty")))) as pages:
        answer = pages.get("/")
    assert answer.status_code == 503
    assert "There is no store" in sentence_of(answer.text)


def test_many_pictures_come_a_page_at_a_time(pages: TestClient, store: Store) -> None:
    version = versions.newest(store)
    links = version.table("links.parquet")
    many = links.iloc[np.zeros(500, dtype=int)].assign(digest=[Digest(f"{i:064x}") for i in range(500)])
    files = {"links.parquet": parquet(many, SCHEMA), "metrics.json": metrics_record().to_bytes()}
    versions.publish(store, "20261126T030000Z", files | {"run.json": run_record().to_bytes()})
    first, last = pages.get("/pictures").text, pages.get("/pictures?page=5").text
    assert first.count('loading="lazy"') == 120
    assert 'rel="next"' in first
    assert last.count('loading="lazy"') == 20
    assert 'rel="next"' not in last


def test_a_link_tells_its_story(pages: TestClient, store: Store) -> None:
    shown = pages.get("/link", params={"url": "http://a.example/gone.jpg"}).text
    assert "Dead since 2026-11-25 03:00 UTC" in shown
    digest = digest_of_link(store, "http://a.example/cat0.jpg")
    assert "Alive since" in pages.get(f"/pictures/{digest}").text


def test_what_waits_for_a_person_is_shown_by_kind(pages: TestClient) -> None:
    shown = pages.get("/review").text
    assert "2 pictures of version" in shown
    assert pages.get("/review?kind=misfiled").text.count('class="tile') == 1
    assert "Nothing of this kind" in pages.get("/review?kind=unlike").text
    assert pages.get("/review?kind=odd").status_code == 400
