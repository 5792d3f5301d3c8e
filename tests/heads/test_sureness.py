"""How sure scores should be: by images that are left out, of which some may be shown in the wrong list."""

import numpy as np

from regraft.heads.sureness import Sureness, sureness_of


def measured(count: int, wrong: int, scale: float = 1.0) -> Sureness:
    """The sureness of scores that tell two categories apart, where so many of the labels that are shown are wrong."""
    own = np.arange(count) % 2
    scores = scale * np.random.default_rng(0).normal(2.0, 0.5, count)[:, None] * np.eye(2)[own]
    shown = own.copy()
    shown[:wrong] = 1 - shown[:wrong]
    return sureness_of(scores, shown)


def test_many_right_labels_are_known_to_be_right() -> None:
    sureness = measured(1000, 0)
    assert sureness.wrong_probability < 0.1
    assert sureness.wrong_share < 0.01


def test_many_wrong_labels_are_counted() -> None:
    sureness = measured(1000, 200)
    assert sureness.wrong_probability > 0.99
    assert abs(sureness.wrong_share - 0.2) < 0.03


def test_few_images_cannot_tell_whether_labels_are_wrong() -> None:
    few, many = measured(20, 2), measured(1000, 100)
    assert 0.5 < few.wrong_probability < many.wrong_probability
    assert 0.03 < few.wrong_share < 0.25
    assert few.factor < many.factor, "nor be as sure"


def test_a_factor_undoes_how_large_scores_are() -> None:
    small, large = measured(200, 20, 0.1), measured(200, 20, 10.0)
    assert abs(np.log(small.factor / large.factor) - np.log(100)) < 0.2
    assert abs(small.wrong_share - large.wrong_share) < 0.02


def test_a_picture_that_is_clearly_of_another_category_is_probably_not_what_its_label_says() -> None:
    sureness = measured(200, 40)
    probable = sureness.with_labels(np.array([[0.0, 4.0], [4.0, 0.0], [0.0, 0.0]]), np.array([0, 0, 0]))
    assert probable[0, 1] > 0.8
    assert probable[1, 0] > 0.99
    assert abs(probable[2, 0] - (1 - sureness.wrong_share)) < 1e-9, "where scores say nothing, the label counts"


def test_scores_that_lie_in_heaps_are_surer_than_those_between() -> None:
    """Of each, two of twenty labels disagree with scores that are as large as the others."""
    own = np.arange(20) % 2
    shown = np.where(np.arange(20) < 2, 1 - own, own)
    ratios = []
    for seed in range(10):
        random = np.random.default_rng(seed)
        sizes = np.stack([random.normal(1.0, 0.2, 20), random.uniform(0.0, 2.0, 20)])
        sizes[:, :2] = 1
        heaps, between = (sureness_of(np.stack([-each, each], axis=1), shown) for each in sizes * (2 * own - 1))
        ratios.append(heaps.factor / between.factor)
    assert np.exp(np.log(ratios).mean()) > 1.3


def test_images_that_are_all_told_apart_are_no_more_certain_than_their_number_allows() -> None:
    """As if between none and one of them, and of as many again, were misnamed."""
    for count in (10, 100, 1000):
        own = np.arange(count) % 2
        scores = np.eye(2)[own]
        factor = sureness_of(scores, own).factor
        doubt = 1 / (1 + np.exp(factor))
        assert 0.1 / count < doubt < 1 / count
