"""How a job has fared: one line a version, for the command line, the report and the dashboard."""

from dataclasses import replace
from pathlib import Path

import pytest

from regraft.reporting.history import Summary, history, history_of_job, history_rows
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.verdicts import Verdict
from tests.records import metrics_record, run_record

NAMES = ("20260101T000000Z", "20260102T000000Z", "20260103T000000Z")
LENGTHS = Summary(
    version="v1",
    champion=False,
    job="job",
    target="length",
    links=340,
    alive=192,
    images=190,
    rmse=20.8137,
    excess=0.0289,
    accuracy=None,
    auc=1.0,
    promoted=True,
    why="There was no champion yet.",
)
CATEGORIES = replace(LENGTHS, version="v2", champion=True, target="category", accuracy=0.992, rmse=0.081, excess=None)


def published(folder: Path) -> Store:
    """Three versions, of which the second one is in use."""
    store = Store(str(folder))
    for alive, name in zip((192, 190, 185), NAMES, strict=True):
        counts = run_record().counts.model_copy(update={"verdicts": {Verdict.ALIVE: alive, Verdict.DEAD: 60}})
        run, metrics = run_record(counts=counts), metrics_record(promoted=False, why="Not measurably better.")
        versions.publish(store, name, {"run.json": run.to_bytes(), "metrics.json": metrics.to_bytes()})
    versions.promote(store, NAMES[1], None)
    return store


def test_the_oldest_comes_first_and_the_champion_is_marked(tmp_path: Path) -> None:
    store = published(tmp_path)
    assert [(row.version, row.champion, row.alive) for row in history(store)] == [
        (NAMES[0], False, 192),
        (NAMES[1], True, 190),
        (NAMES[2], False, 185),
    ]
    assert [row.version for row in history(store, 2)] == list(NAMES[1:])


def test_a_damaged_version_is_left_out_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = published(tmp_path)
    (tmp_path / "versions" / NAMES[0] / "metrics.json").write_text("{")
    assert [row.version for row in history(store)] == list(NAMES[1:])
    assert f"Version {NAMES[0]}: metrics.json is damaged" in caplog.text


def test_all_are_listed_and_none_is_marked_where_the_pointer_is_damaged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = published(tmp_path)
    store.disk.write(versions.CHAMPION, b"{")
    assert [(row.version, row.champion) for row in history(store)] == [(name, False) for name in NAMES]
    assert "champion.json" in caplog.text


def test_a_run_learns_of_earlier_versions_from_the_newest_ones_run_json_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = published(tmp_path)
    job = run_record().config.name
    assert history_of_job(store, job) == history(store)
    newest = run_record(past=tuple(row.past for row in history(store)))
    name = "20260104T000000Z"
    metrics = metrics_record(promoted=False)
    versions.publish(store, name, {"run.json": newest.to_bytes(), "metrics.json": metrics.to_bytes()})
    all_four = history(store)
    for earlier in NAMES[:2]:
        (tmp_path / "versions" / earlier / "metrics.json").write_text("{")
    assert history_of_job(store, job) == all_four
    assert [row.champion for row in all_four] == [False, True, False, False]
    Version(store, NAMES[0]).delete()
    assert [row.version for row in history_of_job(store, job)] == [*NAMES[1:], name], "what was pruned is no more"
    assert not caplog.records
    assert history_of_job(store, "another job") == []


def test_a_version_says_how_good_it_is_in_the_words_of_its_target() -> None:
    assert LENGTHS.quality == "RMSE 20.81 cm"
    assert CATEGORIES.quality == "99.2% named right"


def test_the_dashboards_table_has_no_empty_columns() -> None:
    assert history_rows([LENGTHS])[0] == {
        "version": "v1",
        "alive links": 192,
        "images": 190,
        "RMSE": "20.81",
        "above the oracle": "2.9%",
        "AUC": "1.000",
    }
    assert history_rows([LENGTHS, CATEGORIES])[0] == {
        "version": "v2",
        "champion": "champion",
        "alive links": 192,
        "images": 190,
        "RMSE": "0.081",
        "named right": "99.2%",
        "above the oracle": "",
        "AUC": "1.000",
    }
    assert history_rows([]) == []
