"""Predictions for images that people name: files, folders, globs and URLs."""

import errno
import os
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from regraft.backbones.backbone import Backbone
from regraft.backbones.embedding import features_of
from regraft.config import HeadSettings
from regraft.errors import PictureError
from regraft.heads.certainty import certainty
from regraft.heads.model import Model
from regraft.heads.predicting import images_named_by, predict_images
from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.colours import rgb
from regraft.store.feature_rows import ArrayRows
from regraft.store.store import Store
from regraft.targets.lengths import Lengths
from regraft.web.client import Client
from regraft.web.guard import Guard
from tests.heads.drawn import drawn_manifest
from tests.heads.synthetic import trained_head

pytestmark = [pytest.mark.tensorflow, pytest.mark.xdist_group("predicting")]


@pytest.fixture(scope="module")
def model(lite0: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model that has learnt drawn tigers and cats."""
    blobs = Store(str(tmp_path_factory.mktemp("store"))).blobs
    manifest = drawn_manifest(blobs, 20)
    features = features_of([rgb(blobs.read(digest)) for digest in manifest["digest"]], lite0)
    head = trained_head(manifest, features, Lengths(), HeadSettings(), 0)
    predictions = head.predictions(manifest, ArrayRows(features))
    return Model(lite0, head, certainty(predictions, ArrayRows(features), Lengths()))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with two tigers, a cat, a broken picture and a text."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for name, animal in {"a-tiger.jpg": "tiger", "b-cat.png": "cat", "more/c-tiger.JPG": "tiger"}.items():
        kind = "PNG" if name.endswith("png") else "JPEG"
        (folder / name).write_bytes(encoded(drawing(animal, name), kind))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def address(photos: Path) -> Iterator[str]:
    """Where the photos are served over HTTP: an address and a port."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(photos))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_word_names_a_file_a_url_a_folders_pictures_or_what_fits_a_glob(photos: Path) -> None:
    names = [str(photos / name) for name in ("a-tiger.jpg", "b-cat.png", "broken.jpg", "more/c-tiger.JPG")]
    assert list(images_named_by(str(photos / "notes.txt"))) == [str(photos / "notes.txt")]
    for url in ("https://example.org/a.jpg", "HTTP://example.org/a.jpg", "http://example.org/ä.jpg"):
        assert list(images_named_by(url)) == [url]
    assert list(images_named_by(os.fsdecode(b"http://example.org/\xe4.jpg"))) == ["http://example.org/ä.jpg"]
    assert list(images_named_by(str(photos))) == names
    assert list(images_named_by(f"{photos}/**/*tiger*")) == [names[0], names[3]]


@pytest.mark.parametrize(("word", "problem"), [("empty", "holds no pictures"), ("*.jpeg", "there is no such file")])
def test_a_word_that_names_no_image_is_refused(word: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PictureError, match=problem):
        list(images_named_by(str(tmp_path / word)))


@pytest.mark.parametrize(
    "word", ["a\0b.jpg", "a" * 5000, "[", "~nobody/a.jpg", "**/" * 50, os.fsdecode(b"caf\xe9.jpg")]
)
def test_a_word_that_is_no_name_is_refused_too(word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PictureError) as refused:
        list(images_named_by(word))
    assert str(refused.value).encode()


def test_what_may_not_be_listed_has_a_problem(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir, stat = os.scandir, os.stat

    def refused(path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as context:  # to the superuser no permission applies
        context.setattr("os.scandir", lambda path: refused(path) if str(path).endswith("more") else scandir(path))
        names = [Path(name).name for name in images_named_by(str(photos))]
        assert names == ["a-tiger.jpg", "b-cat.png", "broken.jpg", "more"]
        context.setattr("os.stat", lambda path, **how: refused(path) if "closed" in str(path) else stat(path, **how))
        with pytest.raises(PictureError, match=r"closed/a\.jpg cannot be read: Permission denied\."):
            list(images_named_by("closed/a.jpg"))


def test_names_that_are_no_utf_8_are_predicted_and_can_be_printed(model: Model, photos: Path) -> None:
    os.rename(photos / "a-tiger.jpg", os.path.join(os.fsencode(photos), b"\xe4-tiger.jpg"))
    os.rename(photos / "broken.jpg", os.path.join(os.fsencode(photos), b"\xf6-broken.jpg"))
    table = predict_images(images_named_by(str(photos)), model, Client(Guard())).table
    names = [name.rpartition("/")[2] for name in table["image"]]
    assert names == ["b-cat.png", "c-tiger.JPG", "\\xe4-tiger.jpg", "\\xf6-broken.jpg"]
    assert table["length_cm"].notna().tolist() == [True, True, True, False]
    assert "\\xf6-broken.jpg is no picture" in table["problem"].iloc[3]
    table.to_parquet(photos / "table.parquet")
    assert table.to_csv().encode()
    assert table.to_json(orient="records")


def test_images_that_cannot_be_had_have_a_problem_and_stop_no_others(
    model: Model, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regraft.heads.predicting.BATCH_SIZE", 2)
    images = [*images_named_by(str(photos)), str(photos / "missing.jpg")]
    predictions = predict_images(images, model, Client(Guard()), keep_pictures=2)
    table = predictions.table
    assert list(table.columns) == ["image", "length_cm", "low_cm", "high_cm", "unlike", "problem"]
    assert table["image"].tolist() == images
    problems = dict(zip(table["image"], table["problem"], strict=True))
    assert "broken.jpg is no picture" in problems[str(photos / "broken.jpg")]
    assert "missing.jpg cannot be read" in problems[str(photos / "missing.jpg")]
    tiger, cat, _, other_tiger, _ = table["length_cm"]
    assert min(tiger, other_tiger) > 70 > cat
    assert table["length_cm"].isna().sum() == (table["problem"] != "").sum() == 2
    assert len(predictions.pictures) == 2


def test_a_file_that_is_too_large_to_be_a_picture_is_not_read(model: Model, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.touch()
    os.truncate(large, 1 << 40)  # a hole: it takes no room on the disk
    problem = predict_images([str(large)], model, Client(Guard())).table["problem"][0]
    assert problem == f"{large} is no picture to predict on: it has 1,099,511,627,776 bytes."


def test_urls_are_fetched_and_predicted_as_their_files_are(model: Model, photos: Path, address: str) -> None:
    client = Client(Guard([address]))
    urls = [f"http://{address}/a-tiger.jpg", f"http://{address}/missing.jpg", f"http://{address}/notes.txt"]
    table = predict_images(urls, model, client).table
    from_file = predict_images([str(photos / "a-tiger.jpg")], model, client).table
    assert table["length_cm"][0] == from_file["length_cm"][0]
    assert table["problem"].tolist()[0] == ""
    assert "cannot be fetched" in table["problem"][1]
    assert "is no picture to predict on: not_an_image" in table["problem"][2]


def test_a_private_address_is_never_fetched(model: Model, address: str) -> None:
    table = predict_images([f"http://{address}/a-tiger.jpg"], model, Client(Guard())).table
    assert "cannot be fetched" in table["problem"][0]
    assert np.isnan(table["length_cm"][0])


def test_no_images_give_an_empty_table(model: Model) -> None:
    predictions = predict_images([], model, Client(Guard()))
    assert predictions.table.columns.tolist() == ["image", *model.columns, "problem"]
    assert predictions.table.empty
