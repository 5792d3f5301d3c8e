"""Lists are read from wherever they are and however they are written, or refused with a message that names them."""

import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regraft.errors import ListError
from regraft.links import list_bytes, list_text
from regraft.links.lists import read_list
from regraft.web.client import Client
from regraft.web.guard import Guard
from tests.hostile import ok, serving
from tests.links.list_files import links_in, refusal

A, B = "http://example.org/a.jpg", "http://example.org/b.jpg"


@pytest.mark.parametrize(
    "data",
    [
        f"{A}\n{B}\n",
        f"{A}\r\n{B}\r\n",
        f"{A}\r{B}",
        f"\ufeff{A}\n{B}",
        f"\n\n {A} \n\t\n{B}\n\n",
        f"# from 2009\n{A}\n#{A}\n{B}",
        f"{A}\n{B}\n{A}\n{A}\n",
    ],
)
def test_lines_are_links_whatever_ends_them(tmp_path: Path, data: str) -> None:
    assert links_in(tmp_path, data.encode())["url"].tolist() == [A, B]


def test_urls_stay_as_they_are_written(tmp_path: Path) -> None:
    urls = ["http://bücher.example/ä b.jpg", "http://example.org/%C3%A4%20b.jpg", "htp:/no", "not a url", "x" * 99_999]
    assert links_in(tmp_path, "\n".join(urls).encode())["url"].tolist() == urls


def test_a_line_without_end_is_cut_and_not_believed(tmp_path: Path) -> None:
    [url] = links_in(tmp_path, b"http://example.org/" + b"x" * 500_000)["url"]
    assert len(url) == list_text.MAX_LINE_LENGTH


def test_tables_have_a_column_url_and_may_have_labels(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": [1, 2], "url": [A, B], "label": [3.5, 4]})
    parquet = io.BytesIO()
    table.to_parquet(parquet)
    for name, data in (("t.csv", table.to_csv(index=False).encode()), ("t.parquet", parquet.getvalue())):
        for packed in (data, gzip.compress(data)):
            links = links_in(tmp_path, packed, name)
            assert links[["url", "label"]].to_numpy().tolist() == [[A, 3.5], [B, 4.0]]


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("e.txt", b"", "holds no link"),
        ("e.txt", b"# only\n\n", "holds no link"),
        ("b.txt", bytes(range(256)), "is not text"),
        ("b.txt", b"http://a/\0b\0", "is not text"),
        ("p.txt", b"PK\3\4rest", "is no list, but a ZIP"),
        ("c.csv", b"link\nhttp://a/", "no column `url`"),
        ("l.csv", b"url,label\nhttp://a/,1\nhttp://b/,tall", "line 3: label 'tall' is no number"),
        ("l.csv", b"url,label\nhttp://a/,inf", "line 2"),
        ("l.csv", b"url,label\nhttp://a/,", "line 2"),
        ("q.csv", b'url\n"http://a/', "is no CSV"),
        ("x.parquet", b"PAR1nonsense", "is no Parquet"),
        ("g.txt", b"\x1f\x8b\x08broken", "damaged gzip"),
    ],
)
def test_what_is_no_list_is_refused_by_name(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    assert expected in refusal(tmp_path, data, name)


def test_a_gzip_bomb_is_never_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_bytes, "MAX_BYTES", 1_000_000)
    with pytest.raises(ListError, match="larger than"):
        links_in(tmp_path, gzip.compress(b"http://example.org/\n" * 1_000_000))


@pytest.mark.server
def test_a_list_on_the_web_is_read_through_the_guard() -> None:
    with serving(lambda talk: talk.say(ok(f"{A}\n{B}\n".encode()))) as server:
        client = Client(Guard([server.exemption]))
        assert read_list("cat", f"{server.url}list.txt", client).links["url"].tolist() == [A, B]
        with pytest.raises(ListError, match="not a public address"):
            read_list("cat", f"{server.url}list.txt", Client())


@pytest.mark.server
def test_a_list_whose_own_link_is_dead_says_what_to_do() -> None:
    gone = b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda talk: talk.say(gone)) as server, pytest.raises(ListError, match="Download it by hand"):
        read_list("cat", f"{server.url}list.txt", Client(Guard([server.exemption])))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_a_clear_refusal(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    try:
        links = links_in(tmp_path_factory.getbasetemp(), data)
    except ListError:
        return
    assert links["url"].is_unique
    assert (links["url"].str.strip() != "").all()
