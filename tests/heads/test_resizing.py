"""The exported models' own cropping and resizing, against Pillow's."""

import numpy as np
import pytest

from regraft.backbones.cropping import centre_crop

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(("height", "width"), [(32, 32), (50, 81), (80, 41), (20, 20), (64, 17), (90, 90)])
def test_squares_are_pillows_to_two_grey_values(height: int, width: int) -> None:
    """Of waves, which need no clipping between the two passes: which of them comes first is Pillow's choice."""
    from regraft.heads.resizing import centre_squares

    y, x = np.mgrid[0:height, 0:width]
    waves = [100 * np.sin(x / (4 + c)) * np.cos(y / (5 - c)) for c in range(3)]
    picture = np.round(127.5 + np.stack(waves, axis=-1)).astype(np.uint8)
    square = np.asarray(centre_squares(picture[None], 32))[0]
    difference = np.abs(square - centre_crop(picture, 32).astype(float))
    print(f"largest difference {difference.max():.0f}, on {(difference > 0).mean():.1%} of the values")
    assert difference.max() <= 2
