"""metrics.json and run.json: written and read as typed records, whichever Regraft wrote them."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from regraft.errors import VersionError
from regraft.store import versions
from regraft.store.metrics_record import CategoryResults, LengthResults, read_metrics
from regraft.store.run_record import read_run
from regraft.store.store import Store
from tests.records import FORMAT0

NAME = "20261125T125324Z"


def old(name: str) -> bytes:
    return (FORMAT0 / f"{name}.json").read_bytes()


def with_the_keys_of(before: Any, now: Any) -> Any:
    """Leave out what an older Regraft did not have."""
    return {key: with_the_keys_of(before[key], now[key]) for key in before} if isinstance(before, dict) else now


@pytest.mark.parametrize("name", ["length", "length_again", "category"])
def test_what_was_written_without_a_schema_number_is_read_whole(name: str) -> None:
    metrics, run = read_metrics(old(f"{name}_metrics")), read_run(old(f"{name}_run"))
    before, run_before = json.loads(old(f"{name}_metrics")), json.loads(old(f"{name}_run"))
    now, run_now = json.loads(metrics.to_bytes()), json.loads(run.to_bytes())
    assert now["schema"] == run_now["schema"] == 1
    test = now.pop("test")
    assert {key: test[key] for key in before["test"]} == before.pop("test")
    new_names = {"against": "rivals", "change": "attribution"}
    for key, value in before.items():
        here = now[new_names.get(key, key)]
        assert ({k: here[k] for k in value} if isinstance(value, dict) else here) == value
    del run_before["config"]["head"]["learning_rate"]  # a setting that is gone
    assert with_the_keys_of(run_before["config"], run_now["config"]) == run_before["config"]
    assert run.model_fingerprint == run_before["recipe"]
    assert run.backbone_fingerprint == run_before["fingerprint"]
    assert run.commit == run_before["code"]
    same = ("seed", "libraries", "model_of", "device", "timings", "parent", "history", "files")
    assert {key: run_now[key] for key in same} == {key: run_before[key] for key in same}
    for counted in ("counts", "survival"):
        assert with_the_keys_of(run_before[counted], run_now[counted]) == run_before[counted]
    assert read_metrics(metrics.to_bytes()) == metrics
    assert read_run(run.to_bytes()) == run


def test_the_results_of_a_head_are_of_the_kind_that_it_answers() -> None:
    lengths, categories = (read_metrics(old(f"{kind}_metrics")).test for kind in ("length", "category"))
    assert isinstance(lengths, LengthResults)
    assert lengths.by_category["cat"].intervals["rmse"].low == pytest.approx(6.668762)
    assert isinstance(categories, CategoryResults)
    assert categories.confusion["tiger"] == {"cat": 0, "tiger": 18}


def test_fields_that_older_files_lack_are_filled_and_fields_that_are_gone_are_passed_over() -> None:
    metrics, run = json.loads(old("length_metrics")), json.loads(old("length_run"))
    for key in ("against", "strays", "leak", "misfiled", "change"):
        del metrics[key]
    del metrics["test"]["intervals"]
    for key in ("survival", "recipe", "model_of", "files"):
        del run[key]
    del run["config"]["head"]["target"]
    record = read_metrics(json.dumps(metrics | {"gone": 1}).encode())
    assert (record.rivals, record.strays, record.leak, record.misfiled.n) == ({}, None, None, 0)
    about = read_run(json.dumps(run | {"gone": 1}).encode())
    assert (about.survival, about.model_fingerprint, about.model_of, about.files) == ({}, "", None, {})
    assert about.config.head.target == "length"


def test_numbers_that_are_not_finite_come_back() -> None:
    metrics = read_metrics(old("length_metrics"))
    assert isinstance(metrics.test, LengthResults)
    test = metrics.test.model_copy(update={"r2": float("-inf"), "auc": float("nan")})
    data = metrics.model_copy(update={"excess": float("inf"), "test": test}).to_bytes()
    json.loads(data, parse_constant=pytest.fail)
    record = read_metrics(data)
    assert isinstance(record.test, LengthResults)
    assert (record.excess, record.test.r2) == (math.inf, -math.inf)
    assert record.test.auc is not None
    assert math.isnan(record.test.auc)


def test_a_config_with_settings_that_are_unknown_here_is_read_without_them() -> None:
    run = read_run(old("length_run"))
    content = json.loads(run.to_bytes())
    content["config"]["colour"] = "blue"
    content["config"]["fetch"]["speed"] = {"of": "light"}
    content["config"]["categories"]["cat"]["sound"] = "miaow"
    assert read_run(json.dumps(content).encode()) == run


@pytest.mark.parametrize("read", [read_metrics, read_run])
def test_a_newer_file_is_refused_with_what_to_do(read: object) -> None:
    assert callable(read)
    with pytest.raises(VersionError, match=r"newer Regraft \(schema 2; .* install a newer Regraft"):
        read(b'{"schema": 2, "test": {"kind": "colour"}}')


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "a list, not an object"),
        ('{"schema": 1}', "Field required"),
        ('{"schema": "first"}', "schema"),
        ('{"test": 3}', "damaged"),
        ('{"test": "ab"}', "damaged"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_damage_is_one_sentence_that_names_the_version_and_the_file(tmp_path: Path, content: str, problem: str) -> None:
    store = Store(str(tmp_path))
    version = versions.publish(store, NAME, {"metrics.json": content.encode(), "run.json": content.encode()})
    for file, read in (("metrics.json", lambda: version.metrics), ("run.json", lambda: version.run)):
        with pytest.raises(VersionError, match=f"Version {NAME}: {file} is damaged: ") as raised:
            read()
        assert "\n" not in str(raised.value)
    with pytest.raises(VersionError, match=problem):
        _ = version.metrics
