"""Which category's mean a length is nearest to."""

import numpy as np
import pytest

from regraft.targets.calibration import nearest


@pytest.mark.parametrize("means", [[5.0], [100.0, 40.0], [3.0, 1.0, 2.0, 2.0, -7.5], list(np.arange(50) % 17.0)])
def test_the_nearest_mean_is_the_first_of_the_nearest(means: list[float]) -> None:
    lengths = np.random.default_rng(0).normal(10, 40, 500)
    naive = np.abs(lengths[:, None] - np.array(means)).argmin(axis=1)
    assert nearest(lengths, np.array(means)).tolist() == naive.tolist()
