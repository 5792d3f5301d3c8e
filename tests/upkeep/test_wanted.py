"""What somebody wants to have removed: by the words of a file, or by what owners have opted out of."""

import pytest

from regraft.errors import LinkError
from regraft.links.memory import all_known_links
from regraft.links.removals import Kind
from regraft.store.store import Store
from regraft.upkeep.remove import opted_out, remove
from regraft.upkeep.wanted import Wanted, wanted_in
from tests.upkeep.pictured import NOW, remember, url_of
from tests.upkeep.removing import WHY


def test_words_of_a_file_are_named_with_their_line() -> None:
    wanted = wanted_in("# wishes\n\nhttp://a.example/1.jpg\nb.example\nABCDEF\n", "wishes.txt")
    assert [(its.kind, its.place) for its in wanted] == [
        (Kind.LINK, "wishes.txt, line 3"),
        (Kind.HOST, "wishes.txt, line 4"),
        (Kind.HOST, "wishes.txt, line 5"),
    ]
    url = "http://a.example/1.jpg"
    for line in (
        f"\ufeff{url}",
        f'"{url}"',
        f"<{url}>,",
        f"{url};",
        f"{url}  # his",
        f"\u200b{url}\t",
        f"URL\n{url}\n",
    ):
        assert [want.text for want in wanted_in(line, "wishes.txt")] == [url]
    with pytest.raises(LinkError, match=r"wishes\.txt, line 2: 'a.example:80' is no URL"):
        wanted_in("b.example\na.example:80\n", "wishes.txt")
    assert [want.place for want in wanted_in("sep=;\n# x\nurl\nb.example\n", "wishes.txt")] == ["wishes.txt, line 4"]
    with pytest.raises(LinkError, match="names nothing"):
        wanted_in("# nothing\n", "wishes.txt")


def test_links_that_have_opted_out_can_be_chosen(store: Store) -> None:
    assert opted_out(store) == []
    table = all_known_links(store)
    remember(store, table[table["url"] == url_of(4)].assign(reason="opted_out", digest="", phash=""))
    assert opted_out(store) == [Wanted(Kind.LINK, url_of(4))]
    digest = table["digest"][table["url"] == url_of(4)].iloc[0]
    remove(store, opted_out(store), WHY, now=NOW)
    assert not store.blobs.has(digest)  # which the link showed before it opted out
