"""`regraft links`: one link's story, and many links counted, chosen and listed."""

import csv
import io
import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from regraft.flows.cli import output as printing
from regraft.identity import Digest
from regraft.verdicts import Reason
from tests.command_line import Ran, Regraft
from tests.docs_commands import output
from tests.links.checks import GONE, LINK, OTHER, PHOTO
from tests.links.history import History

HOSTILE = "http://bücher.example/\x1b[2J[red]a.jpg"
FORMULA = '=HYPERLINK("http://evil.example")'


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions: LINK was replaced, another link died, and two texts in the lists are odd."""
    folder = tmp_path_factory.mktemp("links") / "store"
    history = History(str(folder))
    gone = replace(GONE, attempts=1, detail="HTTP 404")
    dog = replace(PHOTO, digest=Digest("d" * 64), phash="0ff0" * 4)
    bad = replace(GONE, reason=Reason.BAD_URL, http_status=0)
    other = replace(OTHER, http_status=200, attempts=1, elapsed_s=0.3, phash="7fff00007fff0000")
    history.check({LINK: PHOTO, "http://example.org/dog.jpg": dog})
    died = dict.fromkeys(["http://example.org/dog.jpg", "http://bücher.example/b.jpg", HOSTILE], gone)
    history.check({LINK: other, FORMULA: bad} | died)
    return folder


@pytest.fixture
def store(two_versions: Path, tmp_path: Path) -> str:
    """A copy of that store."""
    return str(shutil.copytree(two_versions, tmp_path / "store"))


@pytest.fixture
def links(store: str, regraft: Regraft) -> Regraft:
    """`regraft links` of that store."""

    def run(*words: object) -> Ran:
        return regraft("links", *words, "--store", store)

    return run


def test_a_url_is_told_as_a_story_as_the_pages_show(links: Regraft) -> None:
    assert links(LINK).out.strip() == output("replaced-story")


def test_a_story_for_programs_has_the_row_too(links: Regraft) -> None:
    [row] = json.loads(links(LINK, "--json").out)
    assert (row["reason"], row["distance"], row["refers_to"]) == ("replaced", 30, "a" * 64)
    assert row["checked_at"].startswith("2026-01-02T00:00:00")
    assert len(row["story"]) == 4
    assert row["asked_next"] == row["story"][-1]


def test_a_host_is_summed_up_before_its_links_are_listed(links: Regraft) -> None:
    lines = links("EXAMPLE.org").out.splitlines()
    assert lines[0] == "EXAMPLE.org: 2 links, 0 alive."
    assert lines[1] == "Of 2 that ever showed a photo 0 still do (0%)."
    rows = [line.split() for line in lines[2:]]
    assert ["gone", "dead", "1", "50%"] in rows
    replaced = next(row for row in rows if row[:3] == ["replaced", "cat", LINK])
    assert rows.index(["gone", "cat", "http://example.org/dog.jpg", "HTTP", "404"]) < rows.index(replaced)


@pytest.mark.parametrize("host", ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example"])
def test_a_host_is_known_however_it_is_written(links: Regraft, host: str) -> None:
    assert "http://bücher.example/b.jpg" in [row["url"] for row in json.loads(links(host, "--json").out)]


@pytest.mark.parametrize("word", ["HTTPS://EXAMPLE.org/", "example.org.", "//example.org", "example.org/"])
def test_a_url_of_a_host_alone_is_the_host(links: Regraft, word: str) -> None:
    assert links(word).out.splitlines()[0].casefold().endswith(": 2 links, 0 alive.")


def test_a_picture_is_found_by_the_digits_that_stories_have(links: Regraft) -> None:
    [row] = json.loads(links("cccccccccccc", "--json").out)
    assert row["url"] == LINK


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], 5),
        (["--reason", "gone"], 3),
        (["--reason", "gone", "--reason", "replaced"], 4),
        (["--verdict", "dead"], 4),
        (["--verdict", "alive"], 0),
        (["--reason", "alive"], 0),
        (["--category", "cat", "--verdict", "junk"], 1),
        (["example.org", "--reason", "gone"], 1),
    ],
)
def test_links_are_chosen(links: Regraft, words: list[str], expected: int) -> None:
    assert len(json.loads(links(*words, "--json").out)) == expected
    assert len(list(csv.DictReader(io.StringIO(links(*words, "--csv").out)))) == expected
    assert f": {'1 link' if expected == 1 else f'{expected} links'}, " in links(*words).out


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--reason", "gon"], 2, "There is no reason 'gon'; there are: alive, gone,"),
        (["--category", "dog"], 2, "There is no category 'dog'; there are: cat."),
        ([LINK, "--reason", "gone"], 2, "this is one link"),
        (["--json", "--csv"], 2, "leave one out"),
        (["nowhere.example"], 11, "There is no link and no host 'nowhere.example'."),
        (["org"], 11, "There is no link and no host 'org'. Hosts like that: example.org (2 links)."),
        (["exampel.org"], 11, "Hosts like that: example.org (2 links)."),
        (["http://nowhere.example/a.jpg"], 11, "has the link 'http://nowhere.example/a.jpg'."),
        (["http://example.org/a.jpg"], 11, "Of its host there are 2: `regraft links example.org`."),
    ],
)
def test_what_cannot_be_chosen_is_said(links: Regraft, words: list[str], code: int, expected: str) -> None:
    ran = links(*words)
    assert (ran.code, ran.out) == (code, "")
    assert expected in ran.err


def test_what_is_no_url_is_a_link_too(links: Regraft) -> None:
    assert "Dead since 2026-01-02 00:00 UTC, bad url: its text is no http(s) URL." in links(FORMULA).out


@pytest.mark.parametrize("words", [["bücher.example"], [], ["--csv"], ["--json"], [HOSTILE]])
def test_text_from_links_stays_text(links: Regraft, words: list[str]) -> None:
    out = links(*words).out
    assert "\x1b" not in out
    assert "[red]a.jpg" in out


def test_a_spreadsheet_runs_no_formula_of_a_list(links: Regraft) -> None:
    urls = [row["url"] for row in csv.DictReader(io.StringIO(links("--csv").out))]
    assert f"'{FORMULA}" in urls
    assert not any(url.startswith("=") for url in urls)


def test_a_damaged_version_is_one_sentence(links: Regraft, store: str) -> None:
    for path in Path(store).glob("versions/*/links.parquet"):
        path.write_bytes(b"nonsense")
    for words in (["example.org"], [LINK]):
        ran = links(*words)
        assert ran.out == ""
        assert ran.code in (9, 11)
        assert "Traceback" not in ran.err


@pytest.mark.parametrize("columns", [60, 100])
def test_a_table_fits_the_terminal_and_loses_nothing(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    url = "http://photos.example/" + "tiger-" * 20 + ".jpg"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    printing.table(["reason", "url", "why"], [("not_an_image", url, "begins with a page")], folded=["url", "why"])
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= columns
    heading = next(line for line in lines if "reason" in line)
    column = slice(heading.index("url"), heading.index("why"))
    assert "".join(line[column].strip() for line in lines).endswith(url)


def test_of_a_remote_store_no_copy_is_left(
    store: str, regraft: Regraft, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert regraft("links", "example.org", "--store", f"local://{store}").out.startswith("example.org: 2 links")
    assert list(tmp_path.glob("regraft-scratch-*")) == []
