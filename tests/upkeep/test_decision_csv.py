"""Decisions as CSV: a round trip changes nothing, a wrong line keeps nothing, and no cell is a formula."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from regraft.dataset.decisions import all_decisions, decide
from regraft.errors import LinkError
from regraft.links.memory import put_links
from regraft.links.shards import path_of
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.upkeep import decision_csv
from regraft.upkeep.decide import KnownPictures
from regraft.upkeep.decision_csv import Imported, from_csv, plain_text, safe_cell, to_csv
from tests.dataset.decided import decision
from tests.links.checks import LINK, OTHER, PHOTO, memories

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that knows one link, whose picture was replaced."""
    return filled(tmp_path / "store")


def filled(folder: Path) -> Store:
    store = Store(str(folder))
    put_layout(store.disk, Layout())
    put_links(store, path_of(LINK, Layout()), memories(PHOTO, OTHER)[-1])
    return store


def imported(store: Store, folder: Path, text: str | bytes) -> Imported:
    """What a file with that text comes to, once the store keeps it."""
    file = folder / "decisions.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    result = from_csv(file, "ada", NOW, KnownPictures(store))
    decide(store, result.decisions, is_history=True)
    return result


def test_a_round_trip_changes_nothing_and_another_store_gets_the_same_decisions(store: Store, tmp_path: Path) -> None:
    first, *_ = decide(
        store,
        [
            decision("accept", OTHER.digest, url=LINK, why='said "yes",\nat last', review="replaced"),
            decision("reject", OTHER.digest, why="=cmd|' /C calc'!A0"),
            decision("skip", OTHER.digest, decided_by="@eve", category=""),
        ],
    )
    decide(store, [decision("undo", "", "", undoes=first.id)])
    text = to_csv(all_decisions(store))
    again = imported(store, tmp_path, text)
    assert (again.decisions, again.known) == ([], 4)
    other = filled(tmp_path / "other")
    assert imported(other, tmp_path, text).known == 0
    assert all_decisions(other) == [*all_decisions(store)[:1], *all_decisions(other)[1:]]
    assert [kept.id for kept in all_decisions(other)] == [kept.id for kept in all_decisions(store)]
    assert to_csv(all_decisions(other)) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "'=1", "''", "'plain'", "", "plain", "a=b"])
def test_no_cell_is_a_formula_and_each_survives_the_round_trip(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert plain_text(cell) == text


def test_a_file_by_hand_names_links_and_may_be_read_twice(store: Store, tmp_path: Path) -> None:
    text = f"kind,url,why\r\nreject,{LINK},a drawing\r\n\r\n"
    [kept] = imported(store, tmp_path, text.encode("utf-8-sig")).decisions
    assert (kept.digest, kept.category, kept.decided_by, kept.decided_at) == (OTHER.digest, "cat", "ada", NOW)
    assert imported(store, tmp_path, text).known == 1
    assert imported(store, tmp_path, f"kind,url\nundo,{LINK}\n").decisions[0].undoes == kept.id
    assert [kept.kind for kept in all_decisions(store)] == ["reject", "undo"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: it has no columns; expected kind, url"),
        ("kind,why\nreject,x\n", "line 1: it has the columns kind, why; expected"),
        ("url\nx\n", "line 1: it has the columns url; expected"),
        ("kind,url,verdict\n", "line 1: it has a column 'verdict'; expected"),
        ("kind,url,url\n", "line 1: a column is there twice"),
        ("kind,url\nreject,LINK\ndelete,LINK\n", "line 3: There is no decision 'delete', only accept"),
        ("kind,url\nreject,LINK\nreject,http://no.org/\n", "line 3: http://no.org/ is in no list"),
        ("kind,digest\nreject,DIGEST\nreject,abc\n", "line 3: .* knows no picture 'abc'"),
        ("kind,url\nreject,LINK\nreject,\n", "line 3: it names neither a link nor a picture"),
        ("kind,digest,category\nreject,DIGEST,lynx\n", "line 2: There is no category 'lynx', only cat"),
        ("kind,url,to_category\nmove,LINK,lynx\n", "line 2: There is no category 'lynx', only cat"),
        ("kind,url,decided_at\nreject,LINK,yesterday\n", "line 2: 'yesterday' is no time"),
        ("kind,url,undoes\nundo,,abc\n", "line 2: there is no decision 'abc'"),
        ("kind,url\nreject,LINK,more\n", "line 2: more cells than columns"),
        ('kind,url\nreject,"LINK\n', "line 2: it is no CSV"),
        ("kind,digest\nmove,DIGEST\n", "line 2: To move a picture takes the category"),
        ("sep=;\nkind;url\nreject;LINK\ndelete;LINK\n", "line 4: There is no decision 'delete'"),
        ("\n# x\nkind,verdict\n", "line 3: it has a column 'verdict'"),
        ("kind,url\nundo,LINK\n", "line 2: Nobody has decided anything"),
    ],
)
def test_of_a_file_with_a_wrong_line_nothing_is_kept(store: Store, tmp_path: Path, text: str, message: str) -> None:
    text = text.replace("LINK", LINK).replace("DIGEST", OTHER.digest)
    with pytest.raises(LinkError, match=f"decisions.csv, {message}") as refused:
        imported(store, tmp_path, text)
    assert "\n" not in str(refused.value)
    assert all_decisions(store) == []


@pytest.mark.parametrize(
    "data",
    [
        f"kind,url\nreject,{LINK}\n".encode("utf-16"),
        f"kind;url;why\r\nreject;{LINK};a drawing, no cat\r\n".encode(),
        f"Kind\tURL\nReject\t {LINK} \n".encode(),
        f"kind,url,why\nreject,{LINK},caf\u00e9\n".encode("cp1252"),
        f"sep=;\r\nkind;url;why\r\nreject;{LINK};a drawing, no cat\r\n".encode("utf-8-sig"),
        f'"sep=,"\r\rkind,url\rreject,{LINK}\r'.encode(),
        f"# by hand\n\nkind,url\nreject,{LINK}\n".encode(),
        f"kind,url,,\nreject,{LINK},, \n,,,\n , \n".encode(),
        f"kind,digest\nreject,{OTHER.digest[:8].upper()}\n".encode(),
    ],
    ids=[
        "utf-16",
        "semicolons",
        "tabs",
        "cp1252",
        "sep",
        "quoted sep, line ends of old",
        "comment",
        "empty cells",
        "first digits",
    ],
)
def test_a_file_is_read_as_spreadsheets_write_it(store: Store, tmp_path: Path, data: bytes) -> None:
    [kept] = imported(store, tmp_path, data).decisions
    assert (kept.kind, kept.digest) == ("reject", OTHER.digest)
    assert kept.why in ("", "a drawing, no cat", "caf\u00e9")


def test_a_row_about_another_list_or_a_picture_without_links_is_not_taken_for_decided(
    store: Store, tmp_path: Path
) -> None:
    links = memories(PHOTO, OTHER)[-1]
    put_links(store, path_of(LINK, Layout()), pd.concat([links, links.assign(url=f"{LINK}?", category="dog")]))
    imported(store, tmp_path, f"kind,url\nreject,{LINK}\n")
    with pytest.raises(LinkError, match="is not in the list of 'dog'"):
        imported(store, tmp_path, f"kind,url,category\nreject,{LINK},dog\n")
    digest = store.blobs.put(b"a picture whose links are gone")
    [rejected] = decide(store, [decision("reject", digest)])
    [undo] = imported(store, tmp_path, f"kind,digest\nundo,{digest}\n").decisions
    assert undo.undoes == rejected.id


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:00", "yesterday"])
def test_a_time_that_is_none_is_named_with_its_line(store: Store, tmp_path: Path, moment: str) -> None:
    with pytest.raises(LinkError, match=f"line 2: '{re.escape(moment)}' is no time such as"):
        imported(store, tmp_path, f"kind,url,decided_at\nreject,{LINK},{moment}\n")


def test_of_many_rows_on_one_picture_each_is_kept_once(store: Store, tmp_path: Path) -> None:
    rows = "".join(f"reject,{LINK},because {n}\n" for n in range(200))
    again = imported(store, tmp_path, f"kind,url,why\n{rows}{rows}")
    assert (len(again.decisions), again.known) == (200, 200)


def test_a_file_that_is_too_large_or_no_text_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LinkError, match="no text in UTF-16, as its first bytes say; nothing was changed"):
        imported(store, tmp_path, b"\xff\xfek\0i")
    text = f"kind,url\nreject,{LINK}\n"
    monkeypatch.setattr(decision_csv, "MAX_BYTES", len(text))
    assert len(imported(store, tmp_path, text).decisions) == 1
    with pytest.raises(LinkError, match=f"more than {len(text)} bytes; nothing was changed"):
        imported(store, tmp_path, f"{text}\n")


def test_a_file_that_is_not_there_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="cannot be read: No such file"):
        from_csv(tmp_path / "none.csv", "ada", NOW, KnownPictures(store))


def test_a_decision_on_a_picture_that_is_gone_since_is_read_again(store: Store, tmp_path: Path) -> None:
    decide(store, [decision("reject", OTHER.digest, url=LINK)])
    text = to_csv(all_decisions(store))
    put_links(store, path_of(LINK, Layout()), memories(PHOTO)[-1].assign(url="http://elsewhere.org/"))
    assert imported(store, tmp_path, text).known == 1
