"""How far answers may be trusted, learnt by conformal prediction from images that the answers do not come from.

A length gets an interval: the error that LEVEL of images of its category kept to. Its category is the likeliest one of
the picture or, where a head knows none, that whose mean is nearest. A category gets a set: all that are as probable as
the own one of LEVEL of images. What is learnt from is left out for that, fold by fold or image by image, so that nearly
all images say how far answers may be trusted: https://doi.org/10.1561/2200000101 and, for leaving out,
https://doi.org/10.1214/20-AOS1965.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEVEL = 0.9
"""The share of lengths that their intervals hold, and of categories that their sets hold."""
MIN_OWN_IMAGES = 100
"""Images from which on a category's interval goes by its own errors alone. Fewer say too little of the largest tenth;
then the errors of all categories count, each by its category's mean error."""

MIN_IMAGES = 5
"""Images from which on a category has a mean error of its own."""


def _no_values() -> NDArray[np.float64]:
    return np.zeros(0)


@dataclass(frozen=True)
class Calibration:
    """What intervals and sets are made with. N images, C categories; the fields of the other target stay empty."""

    means: NDArray[np.float64] = field(default_factory=_no_values)
    """(C,) mean length in cm of each category's training images, where lengths count to the nearest; else empty."""
    half_widths: NDArray[np.float64] = field(default_factory=_no_values)
    """(C,) half of the interval of a length of each category, in cm; inf where images are too few; of lengths."""
    min_probability: float = math.nan
    """The probability, 0 to 1, from which on a category is possible; of categories. Below 0: all of them are."""

    def interval(
        self, lengths: NDArray[np.float64], category: NDArray[np.int64] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return both ends, (N,) each in cm, of the intervals of lengths (N,).

        `category`: (N,) the likeliest, 0 to C - 1, which may be None where lengths count to the nearest mean.
        """
        half_width = self.half_widths[nearest(lengths, self.means) if len(self.means) else category]
        return lengths - half_width, lengths + half_width

    def possible(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which categories are possible, (N, C), by their probabilities (N, C); the likeliest always is."""
        likeliest = probabilities == probabilities.max(axis=1, keepdims=True)
        return np.asarray((probabilities >= self.min_probability) | likeliest)


@dataclass(frozen=True)
class Coverage:
    """What the intervals or sets of N images come to, whose labels are known."""

    is_held: NDArray[np.bool_]
    """(N,) whether the interval holds the label, or the set the image's own category."""
    extent: NDArray[np.float64]
    """(N,) the interval's width in cm, or how many categories the set holds."""


def nearest(lengths: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the position of the mean that each of N lengths is nearest to, (N,)."""
    values, positions = np.unique(means, return_index=True)
    above = np.searchsorted(values, lengths).clip(1, max(1, len(values) - 1))
    below, above = above - 1, above.clip(max=len(values) - 1)
    is_below = lengths - values[below] <= values[above] - lengths
    return np.asarray(positions[np.where(is_below, below, above)])


def conformal_error(errors: NDArray[np.float64]) -> float:
    """Return the error that LEVEL of n + 1 images keep to, the next one included; inf where n is too small to say."""
    rank = math.ceil(LEVEL * (len(errors) + 1))
    return float(np.sort(errors)[rank - 1]) if rank <= len(errors) else math.inf


def half_widths(errors: NDArray[np.float64], category: NDArray[np.int64], categories: int) -> NDArray[np.float64]:
    """Return the error that LEVEL of each category's images keep to, (C,) in cm; inf where there are too few to say.

    `errors`, (N,), of images in `category`, (N,): 0 to C - 1.
    """
    counts = np.bincount(category, minlength=categories)
    means = np.bincount(category, errors, minlength=categories) / np.maximum(counts, 1)
    means = np.where((counts >= MIN_IMAGES) & (means > 0), means, errors.mean())
    widths = conformal_error(errors / np.maximum(means[category], np.finfo(np.float64).tiny)) * means
    for number in np.flatnonzero(counts >= MIN_OWN_IMAGES):
        widths[number] = conformal_error(errors[category == number])
    return widths


def left_out_of(predictions: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the predictions that do not come from what they are of.

    Those with `left_out`, what each image is answered when it is left out, as `column`; where there are none, as in
    versions of before, the validation images'.
    """
    if "left_out" in predictions and predictions["left_out"].notna().any():
        rows = predictions[predictions["left_out"].notna()]
        return rows.assign(**{column: rows["left_out"]})
    return predictions[predictions["split"] == "validation"]
