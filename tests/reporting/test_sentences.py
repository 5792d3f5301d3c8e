"""A run in sentences."""

import pandas as pd

from regraft.reporting.sentences import (
    above_or_below,
    certainty_note,
    champion_sentence,
    misfiled_note,
    summary,
    suspects_note,
)
from regraft.store.metrics_record import Certainty, CertaintyResults, MisfiledScores
from tests.records import metrics_record
from tests.reporting.reports import links, report

LINKS = links(("a", "alive", "", "d1"), ("b", "dead", "gone", ""), ("c", "junk", "truncated", "d2"))


def test_a_run_on_lengths_is_told_in_two_sentences() -> None:
    assert summary(report(LINKS)) == [
        "Of 3 links 1 are alive and used, 1 are dead and 1 serve nothing to learn from; 1 images were labelled.",
        "On 39 held-out images the new model errs by 20.99 cm (RMSE), 3.8% above the best possible 20.23 cm and tells "
        "the categories apart with an AUC of 1.000.",
    ]
    assert champion_sentence(metrics_record()) == "It is the new champion: There was no champion yet."


def test_a_run_on_categories_has_no_oracle() -> None:
    model = summary(report(LINKS, kind="category"))[1]
    assert model.startswith("On 39 held-out images the new model names 100.0% right and tells")


def test_a_version_that_is_not_promoted_says_why() -> None:
    metrics = metrics_record(promoted=False, why="Not measurably better.")
    assert champion_sentence(metrics) == "The champion stays: Not measurably better."


def test_an_excess_is_above_or_below() -> None:
    assert above_or_below(0.0287) == "2.9% above"
    assert above_or_below(-0.01) == "1.0% below"
    assert above_or_below(None) == ""


def test_misfiled_pictures_are_mentioned_only_where_there_are_some() -> None:
    assert misfiled_note(metrics_record()) == ""
    lengths = metrics_record(misfiled=MisfiledScores(n=2, rmse=24.93, excess=0.039))
    assert misfiled_note(lengths) == (
        "Left out of the test split as misfiled: 2 pictures; with them the result would be RMSE 24.93 cm, 3.9% above "
        "the best possible."
    )
    categories = metrics_record("category", misfiled=MisfiledScores(n=1, accuracy=0.975))
    assert misfiled_note(categories).endswith("with them the result would be 97.5% named right.")


def test_how_many_pictures_look_misfiled_by_chance_and_how_many_are_doubtful() -> None:
    assert suspects_note(report(LINKS)) == ""
    rows = [("d1", "cat", "u1"), ("d1", "cat", "u2"), ("d2", "cat", "u3")]
    misfiled = pd.DataFrame(rows, columns=["digest", "category", "url"]).assign(like="tiger", chance=[0.01, 0.01, 0.1])
    manifest = report(LINKS).manifest.assign(doubtful="tiger")
    assert suspects_note(report(LINKS, misfiled=misfiled, manifest=manifest)) == (
        "By chance 0.2 of 2 would look like that. In doubt, and learnt from until somebody decides: 1; `doubtful` in "
        "manifest.parquet."
    )


def test_how_far_answers_may_be_trusted_is_told_with_the_least_sure_category() -> None:
    assert certainty_note(metrics_record()) == ""
    cat, tiger = Certainty(n=20, held=0.95, extent=22), Certainty(n=19, held=0.842, extent=106)
    certainty = CertaintyResults(n=39, held=0.897, extent=62.9, by_category={"cat": cat, "tiger": tiger})
    assert certainty_note(metrics_record(certainty=certainty)) == (
        "The 90% intervals hold 90% of the test labels and are 63 cm wide on average. "
        "Of tiger they hold the fewest: 84%."
    )
    certainty = CertaintyResults(n=20, held=1.0, extent=1.05, by_category={"cat": cat})
    assert certainty_note(metrics_record("category", certainty=certainty)) == (
        "The 90% sets hold the category of 100% of test images and name 1.05 categories on average."
    )
