"""A list may be a table of several kinds, in several encodings; what is no list is named for what it is."""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regraft.errors import ListError
from regraft.links import list_bytes
from regraft.links.list_header import Columns
from regraft.links.lists import read_list
from regraft.web.client import Client
from regraft.web.guard import Guard
from tests.hostile import ok, serving
from tests.links.list_files import links_in, parquet, parquet_of_names, refusal

A, B = "http://example.org/a.jpg", "http://example.org/ä.jpg"
TABLE = f"url,label\n{A},1\n{B},2.5\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_every_encoding_of_every_kind_of_text_is_read(tmp_path: Path, encoding: str, end: str, is_packed: bool) -> None:
    texts = {"t.txt": f"{A}\n{B}\n", "t.csv": TABLE, "t.tsv": TABLE.replace(",", "\t")}
    texts["t.jsonl"] = f'{{"url": "{A}", "label": 1}}\n{{"url": "{B}", "label": 2.5}}\n'
    for name, text in texts.items():
        data = text.replace("\n", end).encode(encoding)
        links = links_in(tmp_path, gzip.compress(data) if is_packed else data, name)
        assert links["url"].tolist() == [A, B], name
        assert name == "t.txt" or links["label"].tolist() == [1, 2.5]


def test_each_line_has_its_own_encoding(tmp_path: Path) -> None:
    lines = [B.encode(), "http://example.org/€".encode("cp1252"), b"http://example.org/\x81", A.encode()]
    assert links_in(tmp_path, b"\n".join(lines))["url"].tolist() == [
        B,
        "http://example.org/€",
        "http://example.org/\x81",
        A,
    ]
    csv_lines = [b"url,label", *[line + b",1" for line in lines]]
    assert links_in(tmp_path, b"\n".join(csv_lines), "t.csv")["url"].tolist()[:2] == [B, "http://example.org/€"]


def test_a_damaged_line_costs_no_other(tmp_path: Path) -> None:
    assert links_in(tmp_path, f"{A}\nhttp://exam\0ple.org\n{B}\n")["url"].tolist() == [A, "http://exam\0ple.org", B]


def test_blocks_do_not_cut_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = [f"http://example.org/{'ä' * (i % 40)}{i}" for i in range(300)]
    for size in (7, 64, 1000):
        monkeypatch.setattr("regraft.links.list_text.BLOCK_BYTES", size)
        for end in ("\n", "\r\n", "\r"):
            assert links_in(tmp_path, end.join(urls))["url"].tolist() == urls


@pytest.mark.parametrize(
    "line",
    [
        *(f'"{A}"', f"'{A}'", f"<{A}>", f"`{A}`", f"\u201c{A}\u201d"),
        *(f"\ufeff{A}", f"{A}\x1a", f"\u00a0{A}\u200b", f"\t{A} \f", f"\u2060{A}", f"{A}\0\0"),
        *(f"\u202a{A}\u202c", f"\u200e{A}", f"\u00ad{A}", f"\u2066{A}\u2069", f"\u00ab{A}\u00bb"),
        *(f"({A})", f"[{A}]", f"{{{A}}}", f"{A},", f"{A};", f'"{A}",', f"'{A}';", f"({A}),", f"<{A}>,"),
        *(f"{A} # a cat", f'"{A}"  # a cat', f"{A}\t#1", f"{A}, # a cat", f"<{A}> #"),
    ],
)
def test_what_stands_around_a_url_is_not_part_of_it(tmp_path: Path, line: str) -> None:
    assert links_in(tmp_path, f"{B}\n{line}\n")["url"].tolist() == [B, A]


@pytest.mark.parametrize(
    "url", [f"{A}#eyes", f"{A}?a=(1)", f"{A}/a_(cat)", f"{A}?b=[1]", "http://a.example/,a;b", f"{A}."]
)
def test_what_belongs_to_a_url_stays(tmp_path: Path, url: str) -> None:
    assert links_in(tmp_path, f"{url}\n{B}")["url"].tolist() == [url, B]


def test_a_url_that_html_or_xml_has_written_is_read_as_they_read_it(tmp_path: Path) -> None:
    for name, text in {"t.txt": "{}\n", "t.csv": "url,label\n{},1\n", "t.jsonl": '{{"url": "{}"}}'}.items():
        for written in ("&amp;", "&#38;", "&#038;", "&#x26;"):
            links = links_in(tmp_path, text.format(f"{A}?a=1{written}b=2"), name)
            assert links["url"].tolist() == [f"{A}?a=1&b=2"]


@pytest.mark.parametrize(
    "cells",
    [
        *(" tiger", " 0", " 102.5", ",1", ";1", "|1", ", tiger", " a cat on a mat", "  two blanks", "?size=1 tiger"),
        *(f" {B}", f",{B}", f", {B}", f";{B}", f" | {B}"),
    ],
)
def test_a_table_that_does_not_name_its_columns_is_refused(tmp_path: Path, cells: str) -> None:
    for text in (f"{A}{cells}\n{A}?{cells}\n", f"# from 2009\n\nurl  label\n{A}{cells}\n"):
        message = refusal(tmp_path, text.replace(f"?{cells}", cells))
        assert f"its first row is '{A}{cells}"[:60] in message
        assert "one URL a line and nothing after it" in message
    assert len(links_in(tmp_path, f"{A}{cells}\n{B}\n")) == 2  # a row is no table


@pytest.mark.parametrize(
    "url", ["http://a.example/my cat.jpg", "http://a.example/a big cat/1.jpg", f"{A}?q=a,b", f"{A};v=1,2"]
)
def test_a_url_may_have_blanks_and_delimiters(tmp_path: Path, url: str) -> None:
    assert links_in(tmp_path, f"{url}\n")["url"].tolist() == [url]


def test_several_labels_of_one_url_are_named_and_the_first_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert links_in(tmp_path, f"url,label\n{A},1\n{B},2\n{A},3\n{B},2\n", "t.csv")["label"].tolist() == [1, 2]
    assert f"several labels for each of 1 URLs, such as {A}; the first counts" in caplog.text
    caplog.clear()
    assert len(links_in(tmp_path, f"{A}\n{B}\n{A}\n")) == 2
    assert not caplog.records


def test_a_column_that_may_hold_the_urls_is_named(tmp_path: Path) -> None:
    names = ["image_url", "OriginalURL", "Link", "href", "img src"]
    for name in names:
        assert f"`url_column: {name}` in the config" in refusal(tmp_path, f"id,{name}\n7,{A}\n", "t.csv")
        assert f"`url_column: {name}` in the config" in refusal(tmp_path, parquet(id=[7], **{name: [A]}), "t.parquet")
    assert "`url_column` in the config" in refusal(tmp_path, f"id,photo\n7,{A}\n", "t.csv")


def test_json_lines_may_end_with_the_commas_of_an_array(tmp_path: Path) -> None:
    assert links_in(tmp_path, f'{{"url": "{A}"}},\n{{"url": "{B}"}},\n', "t.jsonl")["url"].tolist() == [A, B]


def test_what_pads_the_end_of_a_file_is_no_link(tmp_path: Path) -> None:
    assert links_in(tmp_path, f"{A}\r\n\x1a")["url"].tolist() == [A]
    assert links_in(tmp_path, TABLE + "\0" * 500, "t.csv")["label"].tolist() == [1, 2.5]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_letters_of_any_script_may_stand_in_a_list_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    url = f"http://example.org/{'漢字' * 200}.jpg"
    assert links_in(tmp_path, f"# {'я' * 50}\n{url}\n".encode(encoding))["url"].tolist() == [url]


@pytest.mark.parametrize(
    "header", ["url, label", "url,Label", "URL,LABEL", '"url", "label"', "\ufeffUrl,label ", "label,url"]
)
def test_labels_are_read_however_their_column_is_written(tmp_path: Path, header: str) -> None:
    rows = f"1,{A}\n2.5,{B}" if header == "label,url" else f'{A}, 1\n{B}, "2.5"'
    for name in ("t.csv", "t.txt"):
        assert links_in(tmp_path, f"{header}\n{rows}", name)["label"].tolist() == [1, 2.5]


def test_a_column_is_found_however_unicode_writes_its_name(tmp_path: Path) -> None:
    for written, wanted in [("bild-ü", "bild-u\u0308"), ("\uff35\uff32\uff2c", "url"), ("URL\u00a0", "url")]:
        assert links_in(tmp_path, f"{written},n\n{A},1\n", "t.csv", Columns(wanted))["url"].tolist() == [A]


def test_the_line_by_which_excel_finds_the_columns_is_no_row(tmp_path: Path) -> None:
    assert links_in(tmp_path, f"sep=;\r\nurl;label\r\n{A};1\r\n", "t.csv")["label"].tolist() == [1]


@pytest.mark.parametrize("row", [f"{A},1,5", "http://example.org/a,100,5"])
def test_a_comma_that_may_be_a_lengths_or_a_urls_is_not_guessed_at(tmp_path: Path, row: str) -> None:
    for header, cells in {"url,label": row, "id,url,label": f"7,{row}", "url,label,id": f"{row},no"}.items():
        assert "may be one length or two cells" in refusal(tmp_path, f"{header}\n{B},1,x\n{cells}\n", "t.csv")
    assert "may be one length" in refusal(tmp_path, f"label,url\n1,5,{A}\n", "t.csv")


def test_a_label_column_that_a_list_of_lines_cannot_have_is_not_overlooked(tmp_path: Path) -> None:
    assert "no column `cm`, which `label_column` names" in refusal(tmp_path, A, columns=Columns(label="cm"))
    assert len(links_in(tmp_path, A, columns=Columns(label="cm", has_lengths=False))) == 1


def test_a_row_that_was_too_long_to_read_whole_is_named(tmp_path: Path) -> None:
    files = {"t.csv": f'text,url\n"{"x" * 200_000}",{A}\n', "t.jsonl": f'{{"url": "{A}"}}\n{{"x": "{"x" * 200_000}"}}'}
    for name, text in files.items():
        assert "line 2 is longer than 100,000 characters" in refusal(tmp_path, text, name)


@pytest.mark.parametrize("name", ["labels", "lable", "label_cm", "Length (cm)", "length_cm", "body_length", "size cm"])
def test_a_column_that_looks_like_lengths_is_not_overlooked(tmp_path: Path, name: str) -> None:
    table = f"url,{name}\n{A},1\n"
    assert f"label_column: {name}" in refusal(tmp_path, table, "t.csv")
    assert links_in(tmp_path, table, "t.csv", Columns(label=name))["label"].tolist() == [1]
    assert links_in(tmp_path, table, "t.csv", Columns(has_lengths=False))["label"].isna().all()


def test_columns_have_the_names_that_the_job_gives_them(tmp_path: Path) -> None:
    columns = Columns("photo", "size")
    files: dict[str, bytes | str] = {
        "t.csv": f"photo,size,url\n{A},1,no\n",
        "t.txt": f"photo\tsize\n{A}\t1\n",
        "t.jsonl": json.dumps({"size": 1, "photo": A, "url": ["nested"]}),
        "t.parquet": parquet(photo=[A], size=[1], url=[7]),
    }
    for name, data in files.items():
        links = links_in(tmp_path, data, name, columns)
        assert links[["url", "label"]].to_numpy().tolist() == [[A, 1.0]]
        assert "no column `pic`" in refusal(tmp_path, data, name, Columns("pic"))
        assert "which `label_column` names" in refusal(tmp_path, data, name, Columns("photo", "tall"))


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_urls_with_delimiters_in_them_are_put_together_again(tmp_path: Path, delimiter: str) -> None:
    url = f"http://example.org/a{delimiter}b{delimiter}{delimiter}c.jpg"
    cases = {"url": [url], "url label": [url, "3"], "id url label": ["7", url, "3"], "label url": ["3", url]}
    for header, cells in cases.items():
        text = delimiter.join(header.split()) + "\n" + delimiter.join(cells)
        if header != "url" or delimiter == ",":
            assert links_in(tmp_path, text, "t.csv")["url"].tolist() == [url], header


def test_rows_of_a_spreadsheet_may_end_with_empty_cells(tmp_path: Path) -> None:
    links = links_in(tmp_path, f"url,label\n{A},1,,\n,\n,,\n\n{B},2\n", "t.csv")
    assert links[["url", "label"]].to_numpy().tolist() == [[A, 1.0], [B, 2.0]]


def test_a_quoted_cell_may_go_over_lines_and_a_stray_quote_is_named_with_its_line(tmp_path: Path) -> None:
    assert links_in(tmp_path, f'text,url\n"a\nb",{A}\n', "t.csv")["url"].tolist() == [A]
    assert "line 4 is no CSV" in refusal(tmp_path, f'text,url\n"a\nb",{A}\n"c,{B}\nd,{A}\n', "t.csv")
    assert "line 5 is no CSV" in refusal(tmp_path, f'#\n\nurl,text\n{A},b\n{B},"c\n', "t.csv")
    assert "line 2 is no CSV" in refusal(tmp_path, f'\n"url,text\n{A},b\n', "t.csv")
    assert "line 4: label 'x'" in refusal(tmp_path, f'text,url,label\n"a\nb",{A},1\nc,{B},x\n', "t.csv")
    assert links_in(tmp_path, f'text\turl\n"open\t{A}\n', "t.tsv")["url"].tolist() == [A]


def test_lines_are_numbered_after_many_blank_ones(tmp_path: Path) -> None:
    blank = "# from 2009\n" + "\n" * 500_000
    for text, name in [("no url", "t.txt"), (f"url,label\n{A},x", "t.csv"), ('{"link": 1}', "t.jsonl")]:
        number = 500_003 if name == "t.csv" else 500_002
        assert f"line {number}" in refusal(tmp_path, blank + text, name)
    assert links_in(tmp_path, f"{blank}{A}\n{blank}{B}\n")["url"].tolist() == [A, B]


def test_comments_and_blank_lines_may_come_before_a_tables_names(tmp_path: Path) -> None:
    text = f"\n# from 2009\n\nurl,label\n{A},1\n#{B},no number\n{B},x\n"
    assert "line 7: label 'x'" in refusal(tmp_path, text, "t.csv")


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("1e200", "'1e200' is no length"),
        ("-1e10", "is no length"),
        ("inf", "is no length"),
        ("nan", "is no number"),
        ('"3,5"', "decimal point"),
        ("90 cm", "'90 cm' is no number"),
        ("lion", "'lion' is no number"),
        ("True", "'True' is no number; write the length in cm, such as 102.5"),
        ("", "'' is no number"),
    ],
)
def test_a_label_that_is_no_length_is_named_with_its_line(tmp_path: Path, label: str, expected: str) -> None:
    message = refusal(tmp_path, f"url,label\n{A},1\n{B},{label}\n", "t.csv")
    assert "line 3: label" in message
    assert expected in message


@pytest.mark.parametrize("label", ["lion", 1e200, None, True, float("inf"), [1], {"cm": 1}])
def test_a_label_of_json_or_parquet_is_refused_unless_no_lengths_are_wanted(tmp_path: Path, label: object) -> None:
    lines = "\n".join(json.dumps({"url": url, "label": x}) for url, x in ((A, 1), (B, label)))
    assert "line 2: label" in refusal(tmp_path, lines, "t.jsonl")
    assert len(links_in(tmp_path, lines, "t.jsonl", Columns(has_lengths=False))) == 2
    table = parquet(url=[A], label=[label])
    assert "row 1: label" in refusal(tmp_path, table, "t.parquet")
    assert len(links_in(tmp_path, table, "t.parquet", Columns(has_lengths=False))) == 1


def test_a_null_is_no_link(tmp_path: Path) -> None:
    assert links_in(tmp_path, parquet(url=[A, None, B], label=[1, None, 2]), "t.parquet")["label"].tolist() == [1, 2]
    lines = f'# from 2009\n{{"url": null}}\n{{"url": "{A}"}}\n{{"url": ""}}\n\n'
    assert links_in(tmp_path, lines, "t.jsonl")["url"].tolist() == [A]
    assert "holds no link" in refusal(tmp_path, parquet(url=[None]), "t.parquet")


@pytest.mark.parametrize("values", [[1, 2], [[A]], [{"href": A}]])
def test_urls_that_are_no_text_are_refused(tmp_path: Path, values: list[object]) -> None:
    assert "where a URL is expected" in refusal(tmp_path, parquet(url=values), "t.parquet")
    lines = "\n".join(json.dumps({"url": value}) for value in values)
    assert "line 1 holds" in refusal(tmp_path, lines, "t.jsonl")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "2 columns `url`" in refusal(tmp_path, f"url,url\n{A},{B}\n", "t.csv")
    assert "2 columns `label`" in refusal(tmp_path, f"url,Label,LABEL\n{A},1,2\n", "t.csv")
    assert "2 columns `url`" in refusal(tmp_path, parquet_of_names(["url", "url"], [A], [B]), "t.parquet")


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("l.txt", "<!DOCTYPE html>\n<a href='http://a/b.jpg'>", "is a web page or XML: line 1 is '<!DOCTYPE html>'"),
        ("l.csv", "\n\n  <html><body>", "line 3 is '<html><body>'"),
        ("l.txt", "<?xml version='1.0'?>", "is a web page or XML"),
        ("l.parquet", "<html>", "is no Parquet file"),
        ("l.txt", f"n1\t{A}\nn2\t{B}\n", "which has 2 columns separated by tabs"),
        ("l.txt", f"{A}\t1\n{B}\t2\n", "which has 2 columns separated by tabs"),
        ("l.tsv", f"{A}\t1\n", "Its first line must name the columns"),
        ("l.csv", f"{A},1\n", "Its first line must name the columns"),
        ("l.json", f'["{A}"]', "is one JSON document"),
        ("l.url", f"[InternetShortcut]\nURL={A}\n", "line 1 is '[InternetShortcut]'"),
        ("l.json", f'{{\n  "url": "{A}"\n}}', "is one JSON document"),
        ("l.jsonl", f'{{"url": "{A}"}}\n{{"url": "htt', "line 2 is no JSON object"),
        ("l.jsonl", f'"{A}"\n', "line 1 is no JSON object"),
        ("l.jsonl", f'{{"link": "{A}"}}\n', "line 1 has no column `url`; it has: link"),
        ("l.jsonl", f'{{"url": "{A}", "label": 1}}\n{{"url": "{B}"}}\n', "line 2 has no `label`"),
        ("l.jsonl", f'{{"url": "{A}"}}\n{{"url": "{B}", "label": 1}}\n', "line 2 has a `label`"),
        ("l.jsonl", '{"url": ' + "[" * 99_000, "line 1 is no JSON object"),
        ("l.txt", f"{A},1\n{A},2.5\n", f"is a table without a line that names its columns: its first row is '{A},1'"),
        ("l.txt", f"# names\n{A} lion\n", "is a table without a line that names its columns"),
        ("l.csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "`git lfs pull`"),
        ("l.tar", "list.txt".ljust(257, "\0") + f"ustar\0{A}", "a tar archive"),
        ("l.txt", "example.org/a.jpg\nexample.org/b.jpg\n", "line 1 is 'example.org/a.jpg'"),
        ("l.txt", "ftp://example.org/a.jpg\n", "http:// or https://"),
        ("l.zip", b"PK\3\4 more", "a ZIP archive or a spreadsheet"),
        ("l.txt", b"BZh91AY more", "packed with bzip2"),
        ("l.gz", gzip.compress(gzip.compress(A.encode(), mtime=0), mtime=0), "packed with gzip twice"),
        ("l.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture"),
    ],
)
def test_what_is_no_list_is_named_for_what_it_is(tmp_path: Path, name: str, data: bytes | str, expected: str) -> None:
    assert expected in refusal(tmp_path, data, name)


@pytest.mark.parametrize("name", ["url", "label"])
def test_a_refusal_repeats_no_long_name_of_a_column(tmp_path: Path, name: str) -> None:
    long = f"{name}_" + "x" * 50_000
    rows = f"{long}\n{A}\n" if name == "url" else f"url,{long}\n{A},1\n"
    assert len(refusal(tmp_path, rows, "t.csv").replace(str(tmp_path), "")) < 600


@pytest.mark.parametrize("name", ["t.csv.gz", "T.CSV.GZ"])
def test_the_name_of_a_packed_table_says_that_it_is_one(tmp_path: Path, name: str) -> None:
    assert "has no column `url`" in refusal(tmp_path, gzip.compress(f"picture\n{A}\n".encode()), name)


def test_a_packed_list_that_is_cut_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress("\n".join(f"{A}?{i}" for i in range(10_000)).encode())
    assert "damaged gzip" in refusal(tmp_path, packed[:-20], "t.txt.gz")


def test_a_file_that_never_ends_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ListError, match="is a device, and no file"):
        read_list("cat", "/dev/zero", Client())
    with (zeros := tmp_path / "zeros.txt").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ListError, match="is not text"):
        read_list("cat", str(zeros), Client())
    monkeypatch.setattr(list_bytes, "MAX_BYTES", 3_000_000)
    endless = tmp_path / "endless.txt"
    endless.write_bytes(f"{A}\n".encode() * 200_000)
    with pytest.raises(ListError, match="larger than 3,000,000 bytes"):
        read_list("cat", str(endless), Client())


@pytest.mark.server
def test_a_web_page_in_a_lists_place_on_the_web_is_named(tmp_path: Path) -> None:
    with serving(lambda talk: talk.say(ok(b"<!doctype html><title>Gone</title>"))) as server:
        client = Client(Guard([server.exemption]))
        for name in ("list.txt", "list.csv", "export?format=csv", "list.jsonl"):
            with pytest.raises(ListError, match=r"is a web page or XML: line 1 is '<!doctype html>"):
                read_list("cat", server.url + name, client)


PIECES = [
    "url",
    "label",
    *',\t;|"{}[]:#<\r\n\0',
    "null",
    "1",
    "1e400",
    "NaN",
    "\\ud800",
    "http://a/b.jpg",
    "\ufeff",
    "ä",
]
ROWS = ["", "url,label\n", "url\tlabel\n", '{"url": "http://a/b", "label": 1}\n', "http://a/b\n"]


@given(st.sampled_from(ROWS), st.lists(st.sampled_from(PIECES)), st.sampled_from(["txt", "csv", "tsv", "jsonl"]))
def test_any_text_is_a_list_or_a_clear_refusal(
    tmp_path_factory: pytest.TempPathFactory, row: str, pieces: list[str], suffix: str
) -> None:
    for encoding in ("utf-8", "cp1252", "utf-16"):
        data = (row + "".join(pieces)).encode(encoding, "replace")
        try:
            links = links_in(tmp_path_factory.getbasetemp(), data, f"list.{suffix}")
        except ListError:
            continue
        assert links["url"].is_unique
        assert links["url"].str.contains("http://").any()


@pytest.mark.parametrize("scheme", ["HTTP", "hTTps"])
def test_no_spelling_of_a_scheme_goes_round_the_guard(scheme: str) -> None:
    with pytest.raises(ListError, match="not a public address"):
        read_list("cat", f"{scheme}://127.0.0.1/list.txt", Client())


@pytest.mark.parametrize("source", ["/", "s4://bucket/list.txt", "/nowhere/list.txt", "memory://nothing"])
def test_a_place_that_cannot_be_read_is_named(source: str) -> None:
    with pytest.raises(ListError, match=r"cannot be read|is not there") as refused:
        read_list("cat", source, Client())
    assert source in str(refused.value)


def test_a_pipe_is_refused_because_a_list_is_read_more_than_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ListError, match="is a pipe, which can be read only once"):
        read_list("cat", str(tmp_path / "pipe"), Client())
