"""Every chart that a target may return is drawn."""

import io

import numpy as np
import pytest
from PIL import Image

from regraft.reporting import plots
from regraft.targets.charts import Band, Chart, Histogram, Matrix, Points, Scatter, StackedBars

ONES = np.ones(3)
CHARTS = [
    Histogram("t", "x", "y", {f"category {i}": ONES * i for i in range(9)}, 40),
    StackedBars("t", "x", ["cat", "tiger"], {"train": [3, 4], "test": [1, 0]}),
    Scatter(
        title="t",
        x="x",
        y="y",
        series={"cat": Points(ONES, ONES), "tiger": Points(2 * ONES, ONES)},
        levels={"cat": 1.5},
        band=Band(0.5, "the oracle"),
    ),
    Scatter(title="t", x="x", y="y", series={"cat": Points(ONES, ONES)}, levels={}, band=None),
    Matrix("t", "x", "y", ["cat", "tiger"], np.array([[3, 0], [1, 2]])),
]


def size(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        picture.load()
        return picture.size


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: type(chart).__name__)
def test_a_chart_becomes_a_picture_of_the_usual_width(chart: Chart) -> None:
    assert size(plots.draw(chart))[0] == round(plots.WIDTH_IN * plots.DPI)


def test_losses_are_drawn() -> None:
    history = {name: [0.5, 0.25] for name in ("loss", "val_loss", "tune_loss", "tune_val_loss", "another")}
    assert size(plots.losses(history)) == size(plots.losses({"loss": [1.0]}))


def test_pictures_stand_in_rows_with_captions_that_are_no_formulas() -> None:
    square = np.zeros((8, 8, 3), dtype=np.uint8)
    one_row, two_rows = (plots.contact_sheet([square] * n, ["$x^"] * n) for n in (4, 5))
    assert size(one_row)[0] == size(two_rows)[0]
    assert size(one_row)[1] < size(two_rows)[1]


def test_letters_that_the_font_lacks_are_drawn_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert plots.contact_sheet([np.zeros((8, 8, 3), dtype=np.uint8)], ["漢字\x1b.jpg"])
    assert not [str(warning.message) for warning in recwarn]


def test_many_points_are_drawn_by_how_densely_they_lie() -> None:
    random = np.random.default_rng(0)
    sizes = []
    for count in (10 * plots.MAX_POINTS, 100 * plots.MAX_POINTS):
        x, y = random.normal(0, 1, (2, count))
        chart = Scatter(title="t", x="x", y="y", series={"cat": Points(x, y)}, levels={"cat": 0.5}, band=None)
        png = plots.draw(chart)
        assert size(png)[0] == round(plots.WIDTH_IN * plots.DPI)
        sizes.append(len(png))
    assert sizes[1] < 1.5 * sizes[0] < 300_000


def test_a_sheet_of_pictures_that_pack_badly_stays_small() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 256, 256, 3), dtype=np.uint8)
    assert len(plots.contact_sheet(list(noise), ["caption"] * 8)) < 2_000_000
