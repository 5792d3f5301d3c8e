"""A cat behind a tiger's link: found, left out, told of, and taken back where somebody says so."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from regraft.config import Config
from regraft.menagerie.web import Web
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from tests.command_line import Regraft


@pytest.fixture(scope="module")
def misfiled() -> dict[str, str]:
    """The menagerie's links of that fate, by category."""
    web = Web()
    return {animal: url for animal, urls in web.lists.items() for url in urls if web.fates[url] == "misfiled"}


def test_it_is_left_out_and_told_of(first: Version, misfiled: dict[str, str]) -> None:
    links = first.table("links.parquet").set_index("url")
    assert set(links.index[links["reason"] == "misfiled"]) == set(misfiled.values())
    learnt = {url for urls in first.table("manifest.parquet")["urls"] for url in urls}
    assert not learnt & set(misfiled.values())
    page = first.read("report.html").decode().split("Probably in the wrong list")[1].split("</table>")[0]
    assert all(url in page for url in misfiled.values())
    assert page.index("in tiger") < page.index("like cat")


@pytest.mark.usefixtures("prefect_server")
def test_it_is_learnt_from_once_it_is_accepted(
    first: Version, config: Config, misfiled: dict[str, str], tmp_path: Path, regraft: Regraft
) -> None:
    from regraft.flows.refresh import refresh

    shutil.copytree(first.store.url, f"{tmp_path}/store")
    store = ("--store", f"{tmp_path}/store")
    assert regraft("accept", misfiled["tiger"], *store).code == 0
    assert regraft("accept", misfiled["tiger"], *store).code == 11
    version = versions.version(Store(store[1]), refresh(config.model_copy(update={"store": store[1]})))
    links, manifest = version.table("links.parquet").set_index("url"), version.table("manifest.parquet")
    assert links["reason"][[misfiled["tiger"], misfiled["cat"]]].tolist() == ["", "misfiled"]
    assert links.loc[misfiled["tiger"], "digest"] in set(manifest["digest"])
    both = first.table("manifest.parquet").merge(manifest, on="digest", suffixes=("", "_now"))
    pd.testing.assert_series_equal(both["split"], both["split_now"], check_names=False)
    pd.testing.assert_series_equal(both["label"], both["label_now"], check_names=False)
