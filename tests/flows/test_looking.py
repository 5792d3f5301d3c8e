"""What the command line tells of versions, and the upkeep of a store."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from regraft.config_file import load_config
from regraft.reporting.history import history
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from tests.command_line import Regraft
from tests.records import metrics_record, run_record

VERSIONS = ("20260101T000000Z", "20260102T000000Z")


def test_versions_are_listed_as_their_history_has_them(tmp_path: Path, regraft: Regraft) -> None:
    store = Store(str(tmp_path))
    for name in VERSIONS:
        files = {"run.json": run_record().to_bytes(), "metrics.json": metrics_record(promoted=True).to_bytes()}
        versions.publish(store, name, files)
    versions.promote(store, VERSIONS[1], None)
    rows = json.loads(regraft("versions", "--store", tmp_path, "--json").out)
    assert rows == [asdict(row) for row in history(store)]
    assert [(row["version"], row["champion"]) for row in rows] == [(VERSIONS[0], False), (VERSIONS[1], True)]


def test_a_version_is_shown_as_its_run_told_it(first: Version, regraft: Regraft) -> None:
    store = ("--store", first.store.url)
    assert first.name in regraft("show", first.name, *store).out
    assert json.loads(regraft("show", "champion", *store, "--json").out)["metrics"]["test"]["n"] > 10
    assert regraft("show", "1999", *store).code == 9


def test_two_versions_are_set_side_by_side(first: Version, regraft: Regraft) -> None:
    differences = json.loads(regraft("diff", first.name, first.name, "--store", first.store.url, "--json").out)
    assert differences["config"] == []
    images = differences["images"]
    assert images["added"] == images["removed"] == images["relabelled"] == 0
    assert all(a == b for _, a, b in differences["metrics"] + differences["links"])


def test_two_versions_are_two_columns(first: Version, regraft: Regraft) -> None:
    again = versions.new_name(first.store)
    folder = Path(first.store.url) / "versions"
    shutil.copytree(folder / first.name, folder / again)
    ran = regraft("diff", first.name, "--store", first.store.url)
    assert "rmse" in ran.out
    assert ran.out.count(again) == ran.out.count(first.name) > 0


def test_one_version_is_not_compared_with_itself(first: Version, regraft: Regraft) -> None:
    ran = regraft("diff", first.name, "--store", first.store.url)
    assert ran.out == (
        f"Both are {first.name}: there is nothing to compare. It is the only version; the next `regraft run` makes "
        "another.\n"
    )


def test_a_report_is_found_without_a_browser(first: Version, regraft: Regraft) -> None:
    ran = regraft("report", first.name, "--store", first.store.url)
    assert Path(ran.out.strip()).read_text().startswith("<!doctype html>")
    copied = regraft("report", first.name, "--store", f"local://{first.store.url}")
    assert Path(copied.out.strip()).read_text() == Path(ran.out.strip()).read_text()


def test_a_store_is_looked_through_and_mended(first: Version, regraft: Regraft) -> None:
    store = ("--store", first.store.url)
    assert regraft("verify", *store).code == 0
    part = next(first.store.features.parts(first.run.backbone_fingerprint))
    path = Path(first.store.url) / part.path
    path.write_bytes(path.read_bytes()[:-1])
    assert regraft("verify", *store).code == 12
    ran = regraft("verify", "--repair", *store)
    assert ran.code == 0
    assert "1 damaged, 1 mended" in ran.out


def test_pruning_only_shows_unless_told(first: Version, regraft: Regraft) -> None:
    words = ("prune", "--last", "50", "--store", first.store.url)
    assert f"There is nothing to free. Kept: {first.name}" in regraft(*words).out
    unneeded = first.store.blobs.put(b"needed by nobody")
    ran = regraft(*words)
    assert ran.code == 0
    assert "would be freed" in ran.out
    assert first.store.blobs.has(unneeded)


def test_a_first_config_is_written_and_understood(tmp_path: Path, regraft: Regraft) -> None:
    path = tmp_path / "felidae.yaml"
    ran = regraft("init", path, "--list", "tiger=tiger.txt", "--list", "cat=it's.csv")
    assert ran.code == 0
    config = load_config(path)
    assert config.name == "felidae"
    assert config.categories["cat"].list.endswith("it's.csv")
    assert "#" in path.read_text()
    assert set(yaml.safe_load(path.read_text())) == {"name", "store", "categories"}
    again = regraft("init", path)
    assert again.code == 2
    assert "there already" in again.err
    assert regraft("init", tmp_path / "x.yaml", "--list", "big cat=a.txt").code == 2
    for words in (["\udcff.yaml"], ["x.yaml", "--list", "cat=\udcff.txt"]):
        assert regraft("init", tmp_path / words[0], *words[1:]).code == 2
        assert not (tmp_path / words[0]).exists()


NAMES = ["2024", "0x10", "1_0", "1e3", "2024-01-31", "12:30", "no", "null", "true", "~", "é", "a b", "-", "x" * 200]


@pytest.mark.parametrize("name", NAMES)
def test_a_first_config_of_any_name_is_read_by_a_run(
    tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    ran = regraft("init", f"jobs/{name}.yaml", "--list", "tiger=tiger.txt", "--list", f"cat={tmp_path}/cat.txt")
    assert ran.code == 0
    config = load_config(f"jobs/{name}.yaml")
    assert [Path(category.list).resolve() for category in config.categories.values()] == [
        tmp_path / "tiger.txt",
        tmp_path / "cat.txt",
    ]
