"""The pictures of docs/survival.md: how long the links of the replayed web last, over 61 nights.

    REGRAFT_WEB=FOLDER python tests/benchmarks/survival.py docs/img

FOLDER holds the replayed web. Nothing is fetched: the web itself says what each link shows.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from regraft.links.forecast import forecast
from regraft.links.lifetimes import lives_over, survival_curves
from regraft.reporting.line_chart import MAX_LINES, forecast_chart, survival_chart
from regraft.store.run_record import Survival
from tests.links.replayed_nights import counts, nights

SEED, NIGHTS, NEEDED = 1, 61, 20
INK = "#6b7280"
"""Readable on light and on dark pages."""


def main(folder: Path) -> None:
    """Write survival.svg and forecast.svg, and print the shares after 60 days."""
    tables = nights(os.environ["REGRAFT_WEB"], SEED, NIGHTS)
    lives = lives_over(tables)
    assert lives is not None
    curves = survival_curves(lives, "category", MAX_LINES)
    for name, curve in curves.items():
        band = f"{curve.low[-1]:.1%} to {curve.high[-1]:.1%}"
        lasting = f"{curve.share[-1]:.1%} ({band}) last {curve.days[-1]} days"
        print(f"{name}: {curve.links} lives, {curve.died} ended; {lasting}")
    survival, outlooks = {}, {}
    for name, of_category in counts(tables).items():
        last, outlook = of_category[-1], forecast(of_category, NEEDED, SEED)
        assert outlook is not None
        survival[name] = Survival(
            ever_alive=last.ever_alive, alive=last.alive, share=last.alive / last.ever_alive, counts=tuple(of_category)
        )
        outlooks[name] = outlook
        print(f"{name}: {last.alive} alive; {outlook.low[59]:.0f} to {outlook.high[59]:.0f} in 60 days")
    for file, chart in (("survival.svg", survival_chart(curves)), ("forecast.svg", forecast_chart(survival, outlooks))):
        assert chart is not None
        (folder / file).write_text(chart.svg.replace("currentColor", INK) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
