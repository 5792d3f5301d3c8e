"""The step that reads the lists: what they say of lengths is checked before anything is fetched."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regraft.config_file import parse_config
from regraft.errors import ConfigError, ListError
from regraft.pipeline import steps
from regraft.pipeline.bench import Bench
from regraft.pipeline.run import open_run
from regraft.store.layout import Layout, put_layout
from regraft.store.store import Store
from regraft.upkeep.remove import remove
from regraft.upkeep.wanted import wanted_of
from tests.hostile import ok, serving

URLS = {name: f"http://example.org/{name}.jpg" for name in ("lion", "cat")}
LABEL = {"mean": 40, "std": 8}


def labels(folder: Path, lists: dict[str, str], target: str = "length", **category: Any) -> pd.DataFrame:
    """The labels (url, label) that a job's lists have."""
    categories = {}
    for name, text in lists.items():
        (folder / f"{name}.list").write_text(text)
        categories[name] = {"list": str(folder / f"{name}.list"), **category}
    settings = {"name": "job", "store": str(folder / "store"), "categories": categories, "head": {"target": target}}
    with open_run(parse_config(settings)) as spec:
        bench = Bench.of(spec)
        return bench.drafts.table(steps.read(bench).lengths)


def tables(label: str) -> dict[str, str]:
    return {name: f"photo, Label\n{url}, {label}\n" for name, url in URLS.items()}


def test_real_lengths_are_read_from_the_columns_that_the_job_names(tmp_path: Path) -> None:
    read = labels(tmp_path, tables("90.5"), url_column="photo", label=LABEL)
    assert read["label"].tolist() == [90.5, 90.5]


def test_labels_that_are_names_do_no_harm_where_categories_are_learnt(tmp_path: Path) -> None:
    assert labels(tmp_path, tables("lion"), "category", url_column="photo").empty
    lines = {name: f'{{"url": "{url}", "label": "{name}"}}\n' for name, url in URLS.items()}
    assert labels(tmp_path, lines, "category").empty
    with pytest.raises(ListError, match="line 1: label 'lion' is no number"):
        labels(tmp_path, lines)


def test_where_every_link_was_removed_there_is_nothing_to_ask_for(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    put_layout(store.disk, Layout())
    remove(store, [wanted_of("example.org")], "the owner wants it", ahead=True)
    with pytest.raises(ListError, match="Somebody had every link"):
        labels(tmp_path, URLS, "category")


@pytest.mark.server
def test_a_list_on_the_web_may_be_larger_than_a_picture(tmp_path: Path) -> None:
    urls = "\n".join(f"http://example.org/{number}.jpg" for number in range(100))
    with serving(lambda talk: talk.say(ok(urls.encode()))) as server:
        fetch = {"max_bytes": 1000, "allow": [server.exemption]}
        categories = {name: {"list": server.url + name, "label": LABEL} for name in URLS}
        settings = {"name": "job", "store": str(tmp_path / "store"), "categories": categories, "fetch": fetch}
        with open_run(parse_config(settings)) as spec:
            assert steps.read(Bench.of(spec)).lanes


def test_a_category_whose_lengths_nobody_knows_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"categories\.lion: its list has no `label` column"):
        labels(tmp_path, URLS)
    assert labels(tmp_path, URLS, "category").empty
