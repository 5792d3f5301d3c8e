"""A version's data set, read by the programs that it is written for."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from regraft.dataset.export import Exported, export_dataset, provenance
from regraft.dataset.export_pictures import exported_picture
from regraft.dataset.export_settings import ExportSettings, Layout, PictureSettings, Resize
from regraft.dataset.manifest import MANIFEST
from regraft.errors import ConfigError
from regraft.identity import digest_of
from regraft.links.memory import SCHEMA
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import parquet
from regraft.store.versions import Version
from tests.records import metrics_record, run_record

NAME = "20260101T000000Z"
SPLITS = ["train", "train", "train", "validation", "test", "test"]
CHECKED = pd.Timestamp("2026-01-01", tz="UTC")


def picture(shade: int, picture_format: str = "PNG", size: tuple[int, int] = (60, 40)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (shade, 10, 200)).save(file, picture_format)
    return file.getvalue()


@pytest.fixture
def version(tmp_path: Path) -> Version:
    """A version of twelve images, six of each category, of two formats."""
    store = Store(str(tmp_path / "store"))
    images: list[dict[str, Any]] = []
    links: list[dict[str, Any]] = []
    for number in range(12):
        digest = store.blobs.put(picture(20 * number, "PNG" if number % 2 else "JPEG"))
        category, url = ["cat", "tiger"][number // 6], f"http://example.org/{number}.jpg"
        shown = {"digest": digest, "category": category, "width": 60, "height": 40, "phash": "0" * 16}
        urls = [url, f"http://mirror.example/é/{number}"]
        images.append(shown | {"cluster": digest, "urls": urls, "split": SPLITS[number % 6], "label": 30.5 + number})
        for hours, of_image in enumerate(urls):
            times = {"checked_at": CHECKED + pd.Timedelta(hours=hours), "first_seen": CHECKED}
            links.append(shown | {"url": of_image, "final_url": of_image, "verdict": "alive", "reason": ""} | times)
    files = {
        "manifest.parquet": parquet(pd.DataFrame(images)[MANIFEST]),
        "links.parquet": parquet(pd.DataFrame(links).reindex(columns=SCHEMA.names)),
        "metrics.json": metrics_record().to_bytes(),
        "run.json": run_record(files={}).to_bytes(),
    }
    return versions.publish(store, NAME, files)


def export(version: Version, out: Path, layout: Layout, shard_images: int = 2, **pictures: Any) -> Exported:
    settings = ExportSettings(layout=layout, pictures=PictureSettings(**pictures), shard_images=shard_images)
    return export_dataset(version, str(out), settings)


def test_every_image_comes_with_the_link_that_showed_it_last(version: Version) -> None:
    rows = provenance(version)
    assert rows["split"].tolist() == ["train"] * 6 + ["validation"] * 2 + ["test"] * 4
    assert rows["url"].str.startswith("http://mirror.example/é/").all()
    assert [len(urls) for urls in rows["urls"]] == [2] * 12
    assert (rows["checked_at"] == CHECKED + pd.Timedelta(hours=1)).all()


@pytest.mark.tensorflow
def test_keras_reads_an_image_folder(version: Version, tmp_path: Path) -> None:
    import keras

    exported = export(version, tmp_path / "out", "imagefolder", encoding="jpeg")
    assert (exported.images, exported.left_out) == (12, ())
    read = keras.utils.image_dataset_from_directory(tmp_path / "out" / "train", image_size=(8, 8), verbose=False)
    assert read.class_names == ["cat", "tiger"]
    assert sum(len(labels) for _, labels in read) == 6


@pytest.mark.parametrize("layout", ["imagefolder", "huggingface"])
def test_hugging_face_reads_pictures_splits_and_columns(layout: Layout, version: Version, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "out"
    export(version, out, layout)
    read = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in read.items()} == {"train": 6, "validation": 2, "test": 4}
    rows = provenance(version).set_index("digest")
    for row in read["test"]:
        assert row["image"].size == (60, 40)
        assert row["label"] == rows["label"][row["digest"]]
        assert row["url"] == rows["url"][row["digest"]]
    if layout == "huggingface":
        assert read["train"].features["category"].names == ["cat", "tiger"]


def test_webdataset_reads_its_tar_files(version: Version, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    out = tmp_path / "out"
    export(version, out, "webdataset", resize="center_crop", size=16, encoding="webp")
    shards = sorted(str(path) for path in out.glob("train-*.tar"))
    assert len(shards) == 3
    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8"))
    assert {sample["webp"].shape for sample in samples} == {(16, 16, 3)}
    assert sorted(sample["cls"] for sample in samples) == [0, 0, 0, 1, 1, 1]
    assert {sample["json"]["digest"] for sample in samples} == {sample["__key__"] for sample in samples}


def test_plain_tables_hold_the_bytes_as_fetched_and_every_url(version: Version, tmp_path: Path) -> None:
    export(version, tmp_path / "parquet", "parquet")
    table = pd.concat(pd.read_parquet(path) for path in sorted((tmp_path / "parquet").glob("*.parquet")))
    assert all(digest_of(row["image"]) == row["digest"] for row in table.to_dict("records"))
    export(version, tmp_path / "csv", "csv")
    rows = pd.read_csv(tmp_path / "csv" / "images.csv")
    assert rows["urls"].str.split(" ").map(len).tolist() == [2] * 12


def test_an_export_that_was_cut_off_goes_on_and_writes_nothing_twice(version: Version, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    for layout in ("imagefolder", "webdataset"):
        export(version, whole / layout, layout)
        export(version, out / layout, layout)
        for path in [*(out / layout).rglob("*test*/*"), *(out / layout).glob("test*.tar"), out / layout / "README.md"]:
            if path.is_file():
                path.unlink()
        kept = {path: path.stat().st_mtime_ns for path in (out / layout).glob("train*/*/*")}
        export(version, out / layout, layout)
        assert {path: path.stat().st_mtime_ns for path in kept} == kept
    content = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert content == {path.relative_to(whole): path.read_bytes() for path in whole.rglob("*") if path.is_file()}


def test_a_folder_that_holds_something_else_is_left_alone(version: Version, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        export(version, tmp_path / "full", "csv")
    export(version, tmp_path / "out", "csv")
    with pytest.raises(ConfigError, match="other options"):
        export(version, tmp_path / "out", "parquet")


def test_a_picture_that_cannot_be_read_is_left_out_and_named(version: Version, tmp_path: Path) -> None:
    rows = provenance(version)
    gone = rows["digest"][0]
    version.store.blobs.at(gone).delete()
    patterns: dict[Layout, str] = {"imagefolder": "*/*/*", "webdataset": "*.tar", "huggingface": "data/*"}
    for layout, pattern in patterns.items():
        exported = export(version, tmp_path / layout, layout, shard_images=100)
        assert exported.images == 11
        assert [sentence[:64] for sentence in exported.left_out] == [gone]
        assert len(list((tmp_path / layout).glob(pattern))) == (11 if layout == "imagefolder" else 3)


def test_an_export_goes_to_a_bucket_too(version: Version) -> None:
    exported = export_dataset(
        version, "memory://exported/felidae", ExportSettings(layout="parquet", pictures=PictureSettings())
    )
    assert exported.images == 12
    assert "train-00000.parquet" in Store("memory://exported/felidae").disk.names("")


def test_the_card_and_croissant_say_what_is_there(version: Version, tmp_path: Path) -> None:
    export(version, tmp_path / "out", "huggingface")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| train | 3 | 3 |" in card
    about = json.loads((tmp_path / "out" / "croissant.json").read_text())
    assert about["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert "images/url" in [field["@id"] for field in about["recordSet"][0]["field"]]


@pytest.mark.parametrize(
    ("resize", "size"),
    [
        ("no", (60, 40)),
        ("border", (20, 20)),
        ("center_crop", (20, 20)),
        ("keep_ratio", (30, 20)),
        ("keep_ratio_largest", (20, 13)),
    ],
)
def test_pictures_are_resized_as_img2dataset_does(resize: Resize, size: tuple[int, int]) -> None:
    exported = exported_picture(picture(200), PictureSettings(encoding="png", resize=resize, size=20))
    image = Image.open(io.BytesIO(exported.data))
    assert image.size == size
    corner = np.asarray(image)[0, 0].tolist()
    assert corner == ([255, 255, 255] if resize == "border" else [200, 10, 200])
