"""What is done with a version: predictions of folders, exported models, going back."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from regraft.errors import VersionError
from regraft.heads.model import KerasModel, keras_model_of, model_of
from regraft.heads.predicting import DECODED_SIDE
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.colours import rgb
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.version import Version
from tests.command_line import Regraft
from tests.published import CopyStore


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for animal in ("tiger", "cat"):
        for number in range(3):
            (folder / f"{animal}-{number}.jpg").write_bytes(encoded(drawing(animal, f"new-{number}"), "JPEG"))
    (folder / "notes.txt").write_text("no picture")
    return folder


def predicted(regraft: Regraft, first: Version, folder: Path, *words: object) -> pd.DataFrame:
    ran = regraft("predict", *words, "--store", first.store.url, "--picture", folder / "p.png", "--json")
    assert ran.code == 0, ran.err
    return pd.DataFrame(json.loads(ran.out))


def test_folders_and_globs_are_predicted(first: Version, photos: Path, tmp_path: Path, regraft: Regraft) -> None:
    assert len(predicted(regraft, first, tmp_path, photos)) == 6
    tigers = predicted(regraft, first, tmp_path, f"{photos}/tiger-*.jpg")
    assert len(tigers) == 3
    assert (tigers["low_cm"] < tigers["length_cm"]).all()
    assert (tigers["length_cm"] < tigers["high_cm"]).all()
    assert tigers["length_cm"].min() > 70


def test_a_prediction_imports_no_tensorflow_and_is_what_keras_predicts(
    first: Version, photos: Path, tmp_path: Path
) -> None:
    table = tmp_path / "lengths.csv"
    words = ["predict", str(photos), "--store", first.store.url, "--to", str(table)]
    script = (
        "import sys\nfrom regraft.flows.cli import app\n"
        f"try: app({words!r})\nfinally: print(*{{name.split('.')[0] for name in sys.modules}})"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert {"tensorflow", "keras", "prefect"} & set(ran.stdout.split()) == set()
    assert ran.stderr.splitlines() == ["regraft: load model ...", "regraft: predict ..."]
    saved = pd.read_csv(table)
    model = keras_model_of(first)
    expected = model.predict([rgb(Path(image).read_bytes(), DECODED_SIDE) for image in saved["image"]])
    np.testing.assert_allclose(saved["length_cm"], expected["length_cm"], atol=1e-3)
    assert saved["unlike"].tolist() == expected["unlike"].tolist()


def test_without_a_kept_network_keras_predicts(copy_store: CopyStore, photos: Path) -> None:
    store = Store(copy_store())
    for network in store.networks:
        network.delete()
    assert isinstance(model_of(versions.named(store, "champion")), KerasModel)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_predictions_are_saved_as_a_table(
    first: Version, photos: Path, tmp_path: Path, regraft: Regraft, suffix: str
) -> None:
    table = tmp_path / f"lengths.{suffix}"
    predicted(regraft, first, tmp_path, photos, "--to", table)
    saved = pd.read_csv(table) if suffix == "csv" else pd.read_parquet(table)
    assert list(saved.columns) == ["image", "length_cm", "low_cm", "high_cm", "unlike", "problem"]
    assert len(saved) == 6


def test_one_bad_picture_does_not_lose_the_others(
    first: Version, photos: Path, tmp_path: Path, regraft: Regraft
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    table = tmp_path / "lengths.csv"
    words = (photos, tmp_path / "broken.jpg", "--to", table, "--picture", tmp_path / "p.png")
    ran = regraft("predict", *words, "--store", first.store.url)
    assert ran.code == 10
    assert "1 of 7 images have no prediction" in ran.err
    assert "broken.jpg" in ran.err
    assert pd.read_csv(table)["length_cm"].notna().sum() == 6


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        *(("--to", name, "must end in .csv or .parquet") for name in ("lengths.xlsx", "x", ".csv", "x.csv.gz", "")),
        *((option, "nowhere/x.csv", "there is no folder") for option in ("--to", "--picture")),
        *((option, "folder.csv", "it is a folder") for option in ("--to", "--picture")),
        ("--picture", "s3://bucket/x.png", "there is no folder"),
        ("--picture", "", "it is a folder"),
        *(("--proxy", url, "is no proxy address") for url in ("", "x", "http://a", "socks5://a:1", "http://a:99999")),
    ],
)
def test_what_a_prediction_cannot_use_is_refused_first(
    tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch, option: str, value: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.csv").mkdir()
    ran = regraft("predict", "photo.jpg", "--store", "nowhere", option, value)
    assert ran.code == 2
    assert option in ran.err
    assert expected in ran.err


@pytest.mark.parametrize(
    ("out", "expected"), [("nowhere/x.tflite", "There is no folder"), ("there", "is there already")]
)
def test_a_place_for_an_exported_model_is_refused_first(
    first: Version, tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch, out: str, expected: str
) -> None:
    monkeypatch.setattr("regraft.heads.predicting.import_keras", None)  # would fail
    (tmp_path / "there").mkdir()
    ran = regraft("export", first.name, "--to", "litert", "--out", tmp_path / out, "--store", first.store.url)
    assert ran.code == 9
    assert expected in ran.err


def test_no_word_is_no_version(first: Version, regraft: Regraft) -> None:
    store = ("--store", first.store.url)
    for words in (["show", ""], ["promote", ""], ["export", "", "--to", "onnx"], ["predict", "x.jpg", "--version", ""]):
        ran = regraft(*words, *store)
        assert ran.code == 9
        assert "There is no one version ''" in ran.err


def test_a_data_set_is_not_written_where_nobody_finds_it(regraft: Regraft) -> None:
    ran = regraft("dataset", "newest", "memory://out", "--to", "csv", "--store", "nowhere")
    assert ran.code == 2
    assert "name a folder or a bucket" in ran.err


@pytest.mark.parametrize("to", ["saved_model", "onnx", "litert"])
def test_an_exported_model_takes_raw_pictures_and_gives_the_same_lengths(
    first: Version, tmp_path: Path, regraft: Regraft, to: str
) -> None:
    out = tmp_path / "model"
    ran = regraft("export", first.name, "--to", to, "--out", out, "--store", first.store.url)
    assert ran.code == 0, ran.err
    off = re.search(r"as the version does, to ([\d.]+) cm on its own pictures", ran.out)
    assert off is not None, ran.out
    assert float(off[1]) < 1
    assert out.exists()
    again = regraft("export", first.name, "--to", to, "--out", out, "--store", first.store.url)
    assert again.code == 9
    assert "is there already" in again.err


@pytest.mark.tensorflow
def test_a_place_that_cannot_be_written_is_one_sentence(first: Version, tmp_path: Path) -> None:
    from regraft.heads.export import export

    (tmp_path / "file").write_bytes(b"a file where a folder should be, as good as a full disk")
    with pytest.raises(VersionError, match=r"file/model cannot be written: .* Give another place: --out"):
        export(keras_model_of(first), "saved_model", tmp_path / "file" / "model", [])


def test_going_back_is_one_command(first: Version, regraft: Regraft) -> None:
    store = ("--store", first.store.url)
    before = versions.champion(first.store)
    assert before is not None
    name = versions.new_name(first.store)
    files = {file: before.read(file) for file in ("metrics.json", "links.parquet", "head.keras", "run.json")}
    versions.publish(first.store, name, files)
    assert regraft("promote", name, *store).code == 0
    ran = regraft("promote", "previous", *store)
    assert ran.code == 0, ran.err
    champion = versions.champion(first.store)
    assert champion is not None
    assert champion.name == before.name
