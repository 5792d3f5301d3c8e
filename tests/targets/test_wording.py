"""Figures read the same wherever they stand."""

from regraft.store.metrics_record import MisfiledScores
from regraft.targets.wording import WORDINGS, percent
from tests.records import metrics_record

LENGTHS, CATEGORIES = WORDINGS["length"], WORDINGS["category"]


def test_errors_have_the_decimals_and_the_unit_of_their_target() -> None:
    assert (LENGTHS.figure(20.8137), LENGTHS.signed(0.312), LENGTHS.with_unit(20.8137)) == (
        "20.81",
        "+0.31",
        "20.81 cm",
    )
    assert (CATEGORIES.figure(0.0812), CATEGORIES.signed(-0.01), CATEGORIES.with_unit(0.0812)) == (
        "0.081",
        "-0.010",
        "0.081",
    )
    assert LENGTHS.with_unit(0.00123, decimals=4) == "0.0012 cm"
    assert LENGTHS.figure(None) == LENGTHS.with_unit(None) == percent(None) == ""


def test_one_phrase_says_how_good_a_model_is() -> None:
    lengths = metrics_record("length").test
    categories = metrics_record("category").test
    assert LENGTHS.quality(lengths) == f"RMSE {lengths.rmse:.2f} cm"
    assert categories.kind == "category"
    assert CATEGORIES.quality(categories) == f"{categories.accuracy:.1%} named right"
    assert CATEGORIES.headline(MisfiledScores(n=1, accuracy=0.992)) == ("99.2%", "named right")
    assert LENGTHS.headline(MisfiledScores(n=1, rmse=21.0, excess=0.02)) == ("21.00 cm", "RMSE")
