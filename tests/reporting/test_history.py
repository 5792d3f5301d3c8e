"""How a job has fared: one line a version, for the command line, the report and the dashboard."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from regraft.errors import VersionError
from regraft.reporting.history import Summary, history
from regraft.store import versions
from regraft.store.store import Store
from regraft.tasks.publish import past
from tests.command_line import Regraft
from tests.records import metrics_record, run_record

NAMES = ("20260101T000000Z", "20260102T000000Z", "20260103T000000Z")
LENGTHS = Summary("v1", False, "job", 340, 192, 190, 20.8137, 0.0289, None, 1.0, True, "There was no champion yet.")


def published(folder: Path) -> Store:
    """Three versions, of which the second one is in use."""
    store = Store(str(folder))
    for alive, name in zip((192, 190, 185), NAMES, strict=True):
        counts = run_record().counts.model_copy(update={"verdicts": {"alive": alive, "dead": 60}})
        run, metrics = run_record(counts=counts), metrics_record(promoted=False, why="Not measurably better.")
        versions.publish(store, name, {"run.json": run.to_bytes(), "metrics.json": metrics.to_bytes()})
    versions.promote(store, NAMES[1], None)
    return store


def test_the_oldest_comes_first_and_the_champion_is_marked(tmp_path: Path, regraft: Regraft) -> None:
    store = published(tmp_path)
    told = history(store)
    assert [(row.version, row.champion, row.alive) for row in told] == [
        (NAMES[0], False, 192),
        (NAMES[1], True, 190),
        (NAMES[2], False, 185),
    ]
    assert [row.version for row in history(store, 2)] == list(NAMES[1:])
    assert json.loads(regraft("versions", "--store", tmp_path, "--json").out) == [asdict(row) for row in told]


def test_a_damaged_version_is_named(tmp_path: Path) -> None:
    store = published(tmp_path)
    (tmp_path / "versions" / NAMES[0] / "metrics.json").write_text("{")
    with pytest.raises(VersionError, match=NAMES[0]):
        history(store)


class Told:
    """As much of a story as the dashboard's table needs."""

    def __init__(self, *rows: Summary):
        self.past = rows


def test_the_dashboards_table_has_no_empty_columns() -> None:
    def columns(*rows: Summary) -> dict[str, Any]:
        return past(Told(*rows))[0]  # type: ignore[arg-type]

    named = replace(LENGTHS, version="v2", champion=True, accuracy=0.992, rmse=0.081, excess=None)
    assert columns(LENGTHS) == {
        "version": "v1",
        "alive links": 192,
        "images": 190,
        "RMSE": "20.81",
        "above the oracle": "2.9%",
        "AUC": "1.000",
    }
    assert columns(LENGTHS, named) == {
        "version": "v2",
        "champion": "champion",
        "alive links": 192,
        "images": 190,
        "RMSE": "0.081",
        "named right": "99.2%",
        "above the oracle": "",
        "AUC": "1.000",
    }
