"""A cat behind a tiger's link: found, left out, and told of."""

from regraft.menagerie.web import Web
from regraft.store.version import Version


def test_it_is_left_out_and_told_of(first: Version) -> None:
    web = Web()
    misfiled = {url for urls in web.lists.values() for url in urls if web.fates[url] == "misfiled"}
    links = first.table("links.parquet").set_index("url")
    assert set(links.index[links["reason"] == "misfiled"]) == misfiled
    learnt = {url for urls in first.table("manifest.parquet")["urls"] for url in urls}
    assert not learnt & misfiled
    page = first.read("report.html").decode().split("Probably in the wrong list")[1].split("</table>")[0]
    assert all(url in page for url in misfiled)
    assert page.index("in tiger") < page.index("like cat")
