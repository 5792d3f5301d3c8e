"""Which pictures a report shows."""

import base64
from pathlib import Path

import pandas as pd
import pytest

from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.colours import rgb
from regraft.reporting.examples import ROW_LENGTH, THUMBNAIL_SIDE, examples, thumbnails, thumbnails_in
from regraft.store.store import Store
from regraft.targets.lengths import Lengths
from tests.targets.worlds import TARGET, category_predictions


def predicted() -> pd.DataFrame:
    """Thirty cats of about 40 cm, thirty tigers of about 100, every third held out."""
    rows = [
        (f"{name}{i}", name, "test" if i % 3 == 0 else "train", mean + i, mean + 10.0)
        for name, mean in (("cat", 40.0), ("tiger", 100.0))
        for i in range(30)
    ]
    return pd.DataFrame(rows, columns=["digest", "category", "split", "label", "prediction"])


def test_the_best_are_nearest_to_their_labels_and_the_worst_farthest() -> None:
    shown = examples(predicted(), Lengths())
    assert set(shown.best["digest"].head(4)) == {"cat9", "cat12", "tiger9", "tiger12"}
    assert set(shown.worst["digest"].head(2)) == {"cat27", "tiger27"}
    assert len(shown.best) == len(shown.worst) == ROW_LENGTH


def test_the_doubtful_lie_between_the_categories_and_strangers_nearer_to_another() -> None:
    rows = predicted()
    rows.loc[rows["digest"] == "cat3", "prediction"] = 86.0
    rows.loc[rows["digest"] == "tiger4", "prediction"] = 45.0
    shown = examples(rows, Lengths())
    assert shown.doubtful["digest"].iloc[0] == "cat3"
    assert shown.strays["digest"].tolist() == ["tiger4", "cat3"]
    assert examples(predicted(), Lengths()).strays.empty


def test_what_looks_like_another_category_is_shown() -> None:
    rows = category_predictions(1)
    shown = examples(rows, TARGET)
    wrong = rows[rows["prediction"] != rows["category"]]
    assert set(shown.strays["digest"]) <= set(wrong["digest"])
    assert shown.strays["caption"].str.match(r"named (cat|dog|tiger), \d+%").all()
    assert set(shown.best["digest"]).isdisjoint(shown.worst["digest"])


def test_thumbnails_are_small_pictures_and_a_missing_one_is_left_out(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(encoded(drawing("cat", "gallery"), "JPEG"))
    images = thumbnails([digest, digest, "0" * 64, ""], store)
    assert list(images) == [digest]
    kind, data = images[digest].split(",")
    assert kind == "data:image/jpeg;base64"
    assert max(rgb(base64.b64decode(data)).shape) == THUMBNAIL_SIDE


def test_thumbnails_of_an_earlier_page_are_taken_over(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    digest = store.blobs.put(encoded(drawing("cat", "gallery"), "JPEG"))
    made = thumbnails([digest], store)
    page = f'<td><img class="small" data-digest="{digest}" alt="a &#34;cat&#34;" title="cat" src="{made[digest]}"></td>'
    assert thumbnails_in(f"{page}<p>{page}") == made
    assert thumbnails_in(page.replace("jpeg", "png")) == thumbnails_in("<html>") == {}
    store.blobs.at(digest).delete()
    assert thumbnails([digest], store, made) == made


def test_thumbnails_take_no_more_than_their_share_of_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path))
    digests = [store.blobs.put(encoded(drawing("cat", f"picture-{i}"), "JPEG")) for i in range(4)]
    sizes = [len(uri) for uri in thumbnails(digests, store).values()]
    monkeypatch.setattr("regraft.reporting.examples.MAX_THUMBNAIL_BYTES", sizes[0] + sizes[1])
    assert list(thumbnails(digests, store))[:2] == digests[:2]
    assert sum(len(uri) for uri in thumbnails(digests, store).values()) <= sizes[0] + sizes[1]
