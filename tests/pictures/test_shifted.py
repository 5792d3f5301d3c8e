"""A JPEG that lost some bytes, after which all is brighter or darker, is damaged, though it decodes to its end."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from regraft.menagerie.drawing import drawing, encoded
from regraft.pictures.judge import Limits, Picture, Unfit, judge
from regraft.pictures.shifted import is_shifted

UNIT = 8
UNITS = 24


def textured(seed: int) -> NDArray[np.int64]:
    """Grey pixels that look like a photograph's: smooth, with grain."""
    random = np.random.default_rng(seed)
    smooth = np.asarray(drawing("cat", seed).convert("L").resize((UNIT * UNITS, UNIT * UNITS)), dtype=np.int64)
    return smooth // 2 + 60 + random.integers(-9, 10, smooth.shape)


def from_unit_on(row: int, column: int) -> NDArray[np.bool_]:
    """Which pixels a decoder reads from some unit on, row after row."""
    place = np.add.outer(np.arange(UNITS) * UNITS, np.arange(UNITS))
    is_behind: NDArray[np.bool_] = np.kron(place >= row * UNITS + column, np.ones((UNIT, UNIT), np.bool_))
    return is_behind


@pytest.mark.parametrize("height", [-60, -25, 25, 60])
@pytest.mark.parametrize("place", [(1, 12), (9, 4), (9, 19), (20, 8)])
def test_what_is_shifted_from_some_place_on_is_seen(place: tuple[int, int], height: int) -> None:
    for seed in range(3):
        pixels = (textured(seed) + height * from_unit_on(*place)).clip(0, 255).astype(np.uint8)
        assert is_shifted(pixels, UNIT, UNIT)


@pytest.mark.parametrize("height", [-60, -15, 15, 60])
def test_what_a_picture_may_show_is_no_shift(height: int) -> None:
    rows, columns = np.indices((UNIT * UNITS, UNIT * UNITS))
    steps = rows > UNIT * 9 + columns // 40
    shapes = [from_unit_on(9, 0), from_unit_on(9, 1), steps, columns > 90, (rows > 70) & (columns > 90), rows < 0]
    for seed in range(3):
        for shape in shapes:
            pixels = (textured(seed) + height * shape).clip(0, 255).astype(np.uint8)
            assert not is_shifted(pixels, UNIT, UNIT)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_no_drawing_is_shifted(subsampling: int) -> None:
    """Most of them have a horizon, which is hidden here and there."""
    for seed in range(40):
        for name in ("cat", "tiger"):
            assert isinstance(judge(encoded(drawing(name, seed), "JPEG", subsampling=subsampling), Limits()), Picture)


def test_a_jpeg_that_lost_a_few_bytes_is_seen_by_what_follows() -> None:
    """Not always: where all happens to go on as bright as it was, it shows a few wrong blocks."""
    grain = np.random.default_rng(0).integers(-8, 8, (400, 300, 3))
    smooth = np.asarray(drawing("cat", 1).resize((300, 400))).astype(int)
    photograph = Image.fromarray((smooth // 2 + 50 + grain).clip(0, 255).astype(np.uint8))
    jpeg = encoded(photograph, "JPEG", quality=85, optimize=True)
    findings = []
    for percent in range(20, 90, 4):
        for lost_bytes in (8, 20, 30, 64):
            lost = len(jpeg) * percent // 100
            findings.append(judge(jpeg[:lost].rstrip(b"\xff") + jpeg[lost + lost_bytes :], Limits()))
    assert isinstance(judge(jpeg, Limits()), Picture)
    assert sum(isinstance(finding, Unfit) and "brighter" in finding.detail for finding in findings) >= 5
    assert sum(isinstance(finding, Picture) for finding in findings) < len(findings) / 3
