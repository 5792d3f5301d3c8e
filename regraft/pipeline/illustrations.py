"""The plots of a version: drawn, or taken over where the version has an earlier one's model."""

import contextlib
from collections.abc import Callable, Collection
from typing import Any

import pandas as pd

from regraft.config import Config
from regraft.errors import DamagedVersionError
from regraft.pipeline.finished import Finished
from regraft.store.store import Store
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels

MODEL_PLOTS = ("labels", "predictions", "losses", "examples")
"""The plots that show nothing but the model and its images."""
HEALTH = "health"
"""The plot of what became of the links."""


def illustrations(
    finished: Finished, config: Config, store: Store, links_before: pd.DataFrame | None
) -> dict[str, bytes]:
    """Return the plots as PNG bytes by name: MODEL_PLOTS and HEALTH.

    Plots that an earlier version has just the same are taken from there. `links_before`: the parent version's links.
    """
    plots = _reused(finished, links_before)
    missing = {*MODEL_PLOTS, HEALTH} - set(plots)
    return plots | (_drawn(missing, finished, config, store) if missing else {})


def _reused(finished: Finished, links_before: pd.DataFrame | None) -> dict[str, bytes]:
    """Return the plots that the version whose model is used again has, and that are still true."""
    if finished.reused is None:
        return {}
    names = [name for name in MODEL_PLOTS if finished.reused.has(f"plots/{name}.png")]
    if links_before is not None and _reasons(links_before) == _reasons(finished.screened.links):
        names.append(HEALTH)
    plots = {}
    for name in names:
        with contextlib.suppress(DamagedVersionError):  # it is drawn anew
            plots[name] = finished.reused.read(f"plots/{name}.png")
    return plots


def _reasons(links: pd.DataFrame) -> dict[Any, int]:
    """Return how many links ended with each verdict and reason."""
    return dict(links.groupby(["verdict", "reason"]).size())


def _drawn(names: Collection[str], finished: Finished, config: Config, store: Store) -> dict[str, bytes]:
    from regraft.reporting import plots  # matplotlib takes a while, and an unchanged web needs nothing drawn
    from regraft.reporting.example_sheet import example_sheet

    target, evaluation = target_of(config), finished.evaluation
    test = evaluation.predictions[evaluation.predictions["split"] == "test"]

    def predictions() -> bytes:
        chart = target.prediction_chart(test, evaluation.metrics.oracle, SyntheticLabels.of(config))
        return plots.draw(chart)

    drawings: dict[str, Callable[[], bytes]] = {
        "labels": lambda: plots.draw(target.label_chart(finished.manifest)),
        "predictions": predictions,
        "losses": lambda: plots.losses(finished.history),
        "examples": lambda: example_sheet(evaluation.predictions, target, store),
        HEALTH: lambda: plots.health(finished.screened.links),
    }
    return {name: draw() for name, draw in drawings.items() if name in names}
