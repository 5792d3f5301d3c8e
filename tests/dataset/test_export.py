"""A version's data set, read by the programs that it is written for."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from PIL import Image

from regraft.dataset.export import LEFT_OUT, STATEMENT, Exported, export_dataset
from regraft.dataset.export_card import dataset_card
from regraft.dataset.export_pictures import exported_picture
from regraft.dataset.export_rows import PROVENANCE, provenance
from regraft.dataset.export_settings import ExportSettings, Layout, PictureSettings, Resize
from regraft.dataset.licences import identifiers, licence_counts
from regraft.dataset.manifest import MANIFEST
from regraft.errors import ConfigError, StoreError
from regraft.identity import digest_of
from regraft.links.list_columns import RESERVED
from regraft.links.memory import SCHEMA
from regraft.reporting.compare import difference
from regraft.store import versions
from regraft.store.store import Store
from regraft.store.tables import parquet, parquet_of_arrow
from regraft.store.version import Version
from tests.records import metrics_record, run_record

NAME = "20260101T000000Z"
SPLITS = ["train", "train", "train", "validation", "test", "test"]
CHECKED = pd.Timestamp("2026-01-01", tz="UTC")
OF_LISTS = {
    "licence": ["CC BY 4.0", "https://creativecommons.org/publicdomain/zero/1.0/", None] * 4,
    "photo_id": [None, *range(2**60, 2**60 + 11)],
    "score": [0.5] * 12,
    "order": ["first", "last"] * 6,
    "is_of_list": [1] * 12,
    "label_a": ["a"] * 12,
    "is_wild": [True, None, False] * 4,
    "list_width": ["=1+1", "60 px"] * 6,
    "tags": ['["cat", "é"]'] * 12,
    "photo title": ["Cat"] * 12,
    "photo_title": ["cat"] * 12,
    "a/b#<c>%20{é}": [1] * 12,
    "@id": ["x"] * 12,
}
"""What the lists say of the pictures besides."""
LAYOUTS: tuple[Layout, ...] = ("imagefolder", "webdataset", "parquet", "huggingface", "csv")


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
    manifest = pa.Table.from_pandas(pd.DataFrame(images)[MANIFEST])
    for name, values in OF_LISTS.items():
        manifest = manifest.append_column(name, pa.array(values))
    files = {
        "manifest.parquet": parquet_of_arrow(manifest),
        "links.parquet": parquet(pd.DataFrame(links).reindex(columns=SCHEMA.names)),
        "metrics.json": metrics_record().to_bytes(),
        "run.json": run_record(files={}).to_bytes(),
    }
    return versions.publish(store, NAME, files)


def export(version: Version, out: Path, layout: Layout, shard_images: int = 2, **pictures: Any) -> Exported:
    settings = ExportSettings(layout=layout, pictures=PictureSettings(**pictures), shard_images=shard_images)
    return export_dataset(version, str(out), settings)


def test_every_image_comes_with_its_first_link_and_with_what_its_list_says_of_that(version: Version) -> None:
    rows = provenance(version)
    assert rows["split"].tolist() == ["train"] * 6 + ["validation"] * 2 + ["test"] * 4
    assert rows["url"].tolist() == [urls[0] for urls in rows["urls"]]
    assert [len(urls) for urls in rows["urls"]] == [2] * 12
    assert (rows["checked_at"] == CHECKED).all()
    by_url = rows.set_index("url")
    assert by_url.loc["http://example.org/4.jpg", "photo_id"] == 2**60 + 3
    assert by_url.loc["http://example.org/0.jpg", "photo_id"] is pd.NA
    assert set(rows["order"]) == {"first", "last"}
    assert difference(version, version).images["in_both"] == 12


def test_a_version_without_columns_of_lists_is_exported_as_before(version: Version, tmp_path: Path) -> None:
    manifest = version.table("manifest.parquet", MANIFEST)
    files = {file: version.read(file) for file in ("links.parquet", "metrics.json", "run.json")}
    older = versions.publish(Store(str(tmp_path / "old")), NAME, {"manifest.parquet": parquet(manifest), **files})
    assert provenance(older).columns.tolist() == list(PROVENANCE)
    export(older, tmp_path / "out", "csv")
    assert "license: unknown" in (tmp_path / "out" / "README.md").read_text()


def test_names_of_exports_are_reserved() -> None:
    assert {*PROVENANCE, *MANIFEST, "doubtful", "image", "file_name"} == RESERVED


@pytest.mark.tensorflow
def test_keras_reads_an_image_folder(version: Version, tmp_path: Path) -> None:
    import keras

    exported = export(version, tmp_path / "out", "imagefolder", encoding="jpeg")
    assert (exported.images, exported.left_out) == (12, ())
    read = keras.utils.image_dataset_from_directory(tmp_path / "out" / "train", image_size=(8, 8), verbose=False)
    assert read.class_names == ["cat", "tiger"]
    assert sum(len(labels) for _, labels in read) == 6


@pytest.mark.parametrize("layout", ["imagefolder", "huggingface"])
def test_hugging_face_reads_pictures_splits_and_columns(
    layout: Layout, version: Version, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets, huggingface_hub = pytest.importorskip("datasets"), pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(datasets.logging.get_logger("datasets"), "propagate", True)
    out = tmp_path / "out"
    export(version, out, layout)
    read = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert "dataset card" not in caplog.text
    assert {split: len(rows) for split, rows in read.items()} == {"train": 6, "validation": 2, "test": 4}
    rows = provenance(version).set_index("digest")
    for row in read["test"]:
        assert row["image"].size == (60, 40)
        assert row["label"] == rows["label"][row["digest"]]
        assert row["url"] == rows["url"][row["digest"]]
        assert row["licence"] == (None if rows["licence"][row["digest"]] is pd.NA else rows["licence"][row["digest"]])
        assert row["score"] == 0.5
    if layout == "huggingface":
        assert read["train"].features["category"].names == ["cat", "tiger"]
        assert {row["photo_id"] for split in read.values() for row in split} == set(OF_LISTS["photo_id"])
        card = huggingface_hub.DatasetCard.load(out / "README.md").data.to_dict()
        described = datasets.Features._from_yaml_list(card["dataset_info"]["features"])
        assert described == read["train"].features


@pytest.mark.parametrize("layout", ["webdataset", "parquet", "csv"])
def test_hugging_face_reads_other_layouts_by_their_card(layout: Layout, version: Version, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    export(version, tmp_path / "out", layout, encoding="png")
    read = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert sum(map(len, read.values())) == 12
    assert layout == "csv" or set(read) == {"train", "validation", "test"}


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
    assert {sample["json"]["photo_id"] for sample in samples} <= set(OF_LISTS["photo_id"])
    assert {sample["json"]["is_wild"] for sample in samples} == {True, None, False}


def test_plain_tables_hold_the_bytes_as_fetched_and_every_url(version: Version, tmp_path: Path) -> None:
    export(version, tmp_path / "parquet", "parquet")
    table = pd.concat(pd.read_parquet(path) for path in sorted((tmp_path / "parquet").glob("*.parquet")))
    assert all(digest_of(row["image"]) == row["digest"] for row in table.to_dict("records"))
    export(version, tmp_path / "csv", "csv")
    rows = pd.read_csv(tmp_path / "csv" / "images.csv")
    assert rows["urls"].str.split(" ").map(len).tolist() == [2] * 12
    assert rows["list_width"].tolist() == provenance(version)["list_width"].tolist()


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


@pytest.mark.parametrize("folder", ["store", "store/set", "out/../store/set", "link/set"])
def test_nothing_is_exported_into_the_store(version: Version, tmp_path: Path, folder: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "store")
    before = set(version.store.disk.sizes(""))
    with pytest.raises(ConfigError, match="lies in the store"):
        export(version, tmp_path / folder, "csv")
    assert set(version.store.disk.sizes("")) == before
    assert export(version, tmp_path / "store-set", "csv").images == 12


@pytest.mark.parametrize("folder", ["file", "file/set"])
def test_nothing_is_exported_onto_a_file(version: Version, tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/file is a file; name a folder"):
        export(version, tmp_path / folder, "csv")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_holds_something_else_is_left_alone(version: Version, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty"):
        export(version, tmp_path / "full", "csv")
    export(version, tmp_path / "out", "csv")
    with pytest.raises(ConfigError, match="other options"):
        export(version, tmp_path / "out", "parquet")


def test_what_cannot_be_written_is_one_sentence_and_what_is_written_stays(version: Version, tmp_path: Path) -> None:
    export(version, tmp_path / "out", "huggingface")
    shutil.rmtree(tmp_path / "out" / "data")
    (tmp_path / "out" / "data").write_bytes(b"a file where a folder should be, as good as a full disk")
    with pytest.raises(StoreError, match=r"data/train-00000\.parquet .* the same command goes on from there"):
        export(version, tmp_path / "out", "huggingface")
    (tmp_path / "out" / "data").unlink()
    assert export(version, tmp_path / "out", "huggingface").images == 12


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
        assert export(version, tmp_path / layout, layout, shard_images=100) == exported
        assert "11 images that" in (tmp_path / layout / "README.md").read_text()


def test_a_store_that_cannot_be_read_for_a_moment_leaves_no_picture_out(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = version.store.disk.read

    def refused(path: str) -> bytes:
        if path.startswith("blobs/"):
            raise StoreError("the store does not answer")
        return read(path)

    for layout in ("imagefolder", "parquet"):
        monkeypatch.setattr(version.store.disk, "read", refused)
        with pytest.raises(StoreError, match="does not answer"):
            export(version, tmp_path / layout, layout)
        monkeypatch.setattr(version.store.disk, "read", read)
        assert export(version, tmp_path / layout, layout).left_out == ()


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"[" * 100_000])
def test_what_an_export_keeps_beside_it_may_be_damaged(data: bytes, version: Version, tmp_path: Path) -> None:
    export(version, tmp_path / "out", "csv")
    (tmp_path / "out" / LEFT_OUT).write_bytes(data)
    with pytest.raises(StoreError, match="is damaged"):
        export(version, tmp_path / "out", "csv")
    (tmp_path / "out" / STATEMENT).write_bytes(data)
    with pytest.raises(ConfigError, match="other options"):
        export(version, tmp_path / "out", "csv")


def test_an_export_goes_to_a_bucket_too(version: Version) -> None:
    exported = export_dataset(
        version, "memory://exported/felidae", ExportSettings(layout="parquet", pictures=PictureSettings())
    )
    assert exported.images == 12
    assert "train-00000.parquet" in Store("memory://exported/felidae").disk.names("")


def test_the_card_counts_pictures_and_licences(version: Version, tmp_path: Path) -> None:
    export(version, tmp_path / "out", "huggingface")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| train | 3 | 3 |" in card
    assert "- CC BY 4.0: 4 images" in card
    assert "- none named: 4 images" in card
    about = yaml.safe_load(card.split("---")[1])
    assert about["license"] == ["cc-by-4.0", "cc0-1.0", "unknown"]
    assert about["size_categories"] == ["n<1K"]
    assert about["dataset_info"]["splits"][0] == {"name": "train", "num_bytes": 0, "num_examples": 6}


@pytest.mark.parametrize(("licences", "more"), [(20, None), (21, "- 1 more: 1 images"), (24, "- 4 more: 4 images")])
def test_the_card_counts_the_commonest_licences_and_all_others_together(
    version: Version, licences: int, more: str | None
) -> None:
    rows = pd.concat([provenance(version)] * 3).head(licences)
    lines = dataset_card(version, rows.assign(licence=[f"Licence {i}" for i in range(licences)]), "csv").splitlines()
    assert sum(line.startswith("- Licence") for line in lines) == 20
    assert [line for line in lines if " more: " in line] == ([more] if more else [])


def test_licences_that_the_hub_does_not_know_are_called_the_lists(version: Version) -> None:
    rows = provenance(version)
    about = yaml.safe_load(dataset_card(version, rows.assign(licence="All rights reserved"), "csv").split("---")[1])
    assert (about["license"], about["license_name"]) == ("other", "as-in-the-lists")
    card = dataset_card(version, rows.drop(columns="licence"), "csv")
    assert "license_name" not in card  # as nobody knows of any
    assert "As the lists name them" not in card


@pytest.mark.parametrize(
    ("licence", "identifier"),
    [
        ("", "unknown"),
        ("CC BY-NC-SA 2.0", "cc-by-nc-sa-2.0"),
        ("cc-by-4.0", "cc-by-4.0"),
        ("https://creativecommons.org/licenses/by-nd/4.0/deed.de", "cc-by-nd-4.0"),
        ("CC0", "cc0-1.0"),
        ("Apache 2.0", "apache-2.0"),
        ("CC BY-NC-SA 2.5", "other"),
        ("All rights reserved", "other"),
    ],
)
def test_licences_have_the_hubs_identifiers(licence: str, identifier: str) -> None:
    assert identifiers([licence]) == [identifier]


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.bool_()])
def test_licences_may_be_of_any_kind_that_a_column_is(kind: pa.DataType) -> None:
    """Flickr's licences are numbers, and not every picture has one."""
    licences = pa.array([1, 1, None]).cast(kind).to_pandas(types_mapper=pd.ArrowDtype)
    counts = licence_counts(pd.DataFrame({"license": licences}))
    assert counts.tolist() == [2, 1]
    assert counts.index[1] == ""
    assert set(map(type, counts.index)) == {str}


def test_a_licence_takes_one_line_of_the_card(version: Version, tmp_path: Path) -> None:
    manifest = version.arrow_table("manifest.parquet").drop_columns(["licence"])
    manifest = manifest.append_column("licence", pa.array(["Ask first:\n# the owner\n"] * 12))
    files = {file: version.read(file) for file in ("links.parquet", "metrics.json", "run.json")}
    other = versions.publish(
        Store(str(tmp_path / "other")), NAME, {"manifest.parquet": parquet_of_arrow(manifest), **files}
    )
    export(other, tmp_path / "out", "csv")
    assert "- Ask first: # the owner: 12 images\n" in (tmp_path / "out" / "README.md").read_text()


def test_an_export_to_s3_goes_on_where_it_was_cut_off(version: Version, bucket: str) -> None:
    out, settings = f"{bucket}/felidae", ExportSettings(layout="webdataset", pictures=PictureSettings(), shard_images=2)
    export_dataset(version, out, settings)
    disk = Store(out).disk
    written = {path: disk.read(path) for path in disk.sizes("")}
    assert len(written) == 3 + 6
    for path in ("test-000001.tar", "README.md"):
        disk.delete(path)
    disk.write("train-000000.tar", b"written before")
    assert export_dataset(version, out, settings).images == 12
    assert {path: disk.read(path) for path in disk.sizes("")} == written | {"train-000000.tar": b"written before"}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_croissant_metadata_is_valid_and_reads_every_row(layout: Layout, version: Version, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    export(version, tmp_path / "out", layout)
    dataset = mlcroissant.Dataset(jsonld=str(tmp_path / "out" / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    assert dataset.metadata.license[0] == "CC BY 4.0"
    if layout == "webdataset":  # Croissant has no word for the members of tar files
        return
    rows = provenance(version).set_index("digest")
    records = list(dataset.records("images"))
    assert len(records) == 12
    for record in records:
        digest = _text(record["images/digest"])
        assert _text(record["images/url"]) == rows["url"][digest]
        assert pd.isna(rows["photo_id"][digest]) == (record["images/photo_id"] is None)
        assert [_text(record[f"images/photo_title{more}"]) for more in ("", "_")] == ["Cat", "cat"]
        if "images/image" in record:
            assert record["images/image"].size == (60, 40)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


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


@pytest.mark.parametrize(
    ("side", "settings"),
    [
        (20_000, PictureSettings(encoding="webp")),
        (70_000, PictureSettings(encoding="jpeg")),
        (3000, PictureSettings(encoding="jpeg", resize="keep_ratio", size=4096)),
    ],
)
def test_a_picture_that_its_format_does_not_take_is_one_sentence(side: int, settings: PictureSettings) -> None:
    file = io.BytesIO()
    Image.new("RGB", (side, 1)).save(file, "png")
    with pytest.raises(ValueError, match=r"\d+ x \d+ pixels "):
        exported_picture(file.getvalue(), settings)
