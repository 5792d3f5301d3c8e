"""What tests of odd pictures share: a drawing, whether bytes are alive, and whether pixels are those expected."""

import functools

import numpy as np
from numpy.typing import NDArray

from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.colours import rgb
from regraft.pictures.judge import Picture, judge
from regraft.pictures.limits import Limits

CAT = drawing("cat", 1)


@functools.cache
def encoded_cat(picture_format: str, **options: object) -> bytes:
    """CAT as the bytes of a file, made once: encoders may take longer than all that a test does with it."""
    return encoded(CAT, picture_format, **options)


def is_alive(data: bytes) -> bool:
    """Whether a picture is judged to be alive; then it must decode."""
    finding = judge(data, Limits())
    if isinstance(finding, Picture):
        assert rgb(data).shape == (finding.height, finding.width, 3)
    return isinstance(finding, Picture)


def assert_near(pixels: NDArray[np.uint8], expected: object, tolerance: float = 1) -> None:
    assert np.abs(pixels.astype(int) - np.asarray(expected, dtype=int)).max() <= tolerance
