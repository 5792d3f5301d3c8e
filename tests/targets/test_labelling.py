"""The label of an image by the config alone: when its links are gone, or when it was left out."""

from typing import Any

import numpy as np
import pandas as pd

from regraft.config_file import parse_config
from regraft.judging.holdout import misfiled_of_test_split
from regraft.targets.labelling import Labelling
from regraft.targets.labels import SyntheticLabels
from tests.targets.worlds import DISTRIBUTIONS, length_predictions

NAMES = ("cat", "tiger")
JOB: dict[str, Any] = {"name": "job", "categories": {name: {"list": f"{name}.txt"} for name in NAMES}}
DRAWN = JOB | {"categories": {name: {"list": name, "label": {"mean": 50, "std": 5}} for name in NAMES}}
CATEGORY = {"head": {"target": "category"}}


def labelling(job: dict[str, Any]) -> Labelling:
    return Labelling.of(parse_config(job))


def test_a_dead_link_whose_length_was_never_known_has_no_label_and_a_real_one_is_kept() -> None:
    assert labelling(JOB).label("cat", "d", "cat") is None
    assert labelling(JOB).label("cat", "d", 31.5) == 31.5
    assert labelling(JOB | CATEGORY).label("cat", "d", 31.5) == "cat"


def test_a_length_that_is_drawn_is_drawn_anew_whatever_it_was() -> None:
    assert labelling(DRAWN).label("cat", "d", 31.5) == labelling(DRAWN).synthetic.length("cat", "d") != 31.5


def test_an_image_of_a_category_that_the_job_has_no_more_is_held_out_no_more() -> None:
    digest = next(f"{i:064x}" for i in range(100) if labelling(JOB).is_test("cat", f"{i:064x}"))
    assert labelling(JOB).split("lion", digest) in ("train", "validation", "test")
    assert not any(labelling(JOB).is_test("lion", f"{i:064x}") for i in range(100))


def test_what_the_test_split_lacks_has_its_label_still() -> None:
    links = pd.DataFrame({"digest": [f"{i:064x}" for i in range(60)], "category": "tiger", "reason": "misfiled"})
    links = pd.concat([links, links.assign(category="cat", reason="gone")], ignore_index=True)
    lengths = misfiled_of_test_split(links, labelling(DRAWN))
    assert 3 < len(lengths) < 20
    assert set(lengths["category"]) == {"tiger"}
    assert lengths["label"].between(25, 75).all()
    categories = misfiled_of_test_split(links, labelling(DRAWN | CATEGORY))
    assert categories["label"].tolist() == ["tiger"] * len(lengths)
    assert misfiled_of_test_split(links, labelling(JOB)).empty


def test_one_real_label_makes_labels_no_longer_synthetic() -> None:
    rows, synthetic = length_predictions(4), SyntheticLabels(DISTRIBUTIONS, 4)
    assert synthetic.are_all_of(rows)
    assert not SyntheticLabels(DISTRIBUTIONS, 5).are_all_of(rows)
    rows["label"] += np.arange(len(rows)) == 7
    assert not synthetic.are_all_of(rows)


def test_a_picture_that_was_moved_where_only_the_list_knows_lengths_may_have_no_label() -> None:
    urls = [["http://a/1"], ["http://a/2", "http://a/3"], ["http://a/4"]]
    pictures = pd.DataFrame({"digest": list("abc"), "category": "cat", "urls": urls}, index=[5, 6, 7])
    links = pd.DataFrame({"url": ["http://a/3"], "label": [31.5]})
    assert labelling(JOB).have_labels(pictures, links).tolist() == [False, True, False]
    assert labelling(DRAWN).have_labels(pictures, links).all()
    assert labelling(JOB | CATEGORY).have_labels(pictures, links).all()
