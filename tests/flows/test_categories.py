"""A job whose head names the category: from the lists to a prediction, beside a champion that gives lengths."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from regraft import menagerie
from regraft.menagerie.drawing import drawing, encoded
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from tests.command_line import Regraft
from tests.published import CopyStore


@pytest.fixture(scope="module")
def named_store(copy_store: CopyStore, prefect_server: None) -> str:
    """A store whose champion gives lengths, and with a second version that names categories."""
    from regraft.flows.refresh import refresh

    store, config = copy_store(), menagerie.CONFIG
    head = config.head.model_copy(update={"target": "category"})
    refresh(config.model_copy(update={"name": "felines", "store": store, "head": head}))
    return store


@pytest.fixture
def named(named_store: str, tmp_path_factory: pytest.TempPathFactory) -> Version:
    """The version that names categories, in a store of the test's own."""
    return versions.newest(Store(str(shutil.copytree(named_store, tmp_path_factory.mktemp("named") / "store"))))


def test_another_question_does_not_change_the_champion_by_itself(named: Version, regraft: Regraft) -> None:
    metrics = named.metrics
    assert not metrics.promoted
    assert "predicts lengths, this model categories" in metrics.why
    assert regraft("promote", "newest", "--store", named.store.url).code == 0


def test_its_run_carries_the_jobs_name(named: Version) -> None:
    assert named.run.prefect.flow_run_name.startswith("felines 20")


def test_its_tables_and_report_speak_of_categories(named: Version) -> None:
    test = named.metrics.test
    rows = named.table("predictions.parquet").query("split == 'test'")
    assert test.kind == "category"
    assert test.accuracy == (rows["prediction"] == rows["category"]).mean() > 0.9
    assert rows["label"].equals(rows["category"])
    assert ((rows["p_cat"] + rows["p_tiger"] - 1).abs() < 1e-6).all()
    page = named.read("report.html").decode()
    assert "named right" in page
    assert " cm" not in page.split("<h2>How to reproduce it</h2>")[0]
    assert "image-classification" in named.read("MODEL_CARD.md").decode()


def test_its_predictions_are_categories(named: Version, tmp_path: Path, regraft: Regraft) -> None:
    for animal in ("tiger", "cat"):
        (tmp_path / f"{animal}.jpg").write_bytes(encoded(drawing(animal, "another"), "JPEG"))
    words = ("--store", named.store.url, "--version", named.name, "--picture", tmp_path / "p.png")
    ran = regraft("predict", tmp_path, *words, "--json")
    assert ran.code == 0, ran.err
    table = pd.DataFrame(json.loads(ran.out))
    assert list(table.columns) == ["image", "category", "probability", "possible", "unlike", "problem"]
    assert table["category"].tolist() == ["cat", "tiger"]
    shown = regraft("predict", tmp_path, *words)
    assert "probability" in shown.out
    assert "cm" not in shown.out


def test_its_export_gives_probabilities(named: Version, tmp_path: Path, regraft: Regraft) -> None:
    out = tmp_path / "model.tflite"
    ran = regraft("export", named.name, "--to", "litert", "--out", out, "--store", named.store.url)
    assert ran.code == 0, ran.err
    assert "probabilities of cat, tiger, in this order" in ran.out
    assert out.stat().st_size > 1_000_000


def test_it_stands_beside_the_others(named: Version, regraft: Regraft) -> None:
    store = ("--store", named.store.url)
    first = versions.version(named.store, versions.names(named.store)[0])
    listed = regraft("versions", *store)
    assert "named right" in listed.out
    assert "RMSE" in listed.out
    assert regraft("diff", first.name, named.name, *store).code == 0
    assert "named right" in regraft("show", named.name, *store).out
