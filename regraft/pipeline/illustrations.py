"""The plots of a version: drawn, or taken over where the version has an earlier one's model."""

import contextlib
from collections.abc import Callable, Collection

from regraft.config import Config
from regraft.errors import DamagedVersionError
from regraft.pipeline.finished import Finished
from regraft.store.store import Store
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels

PLOTS = ("labels", "predictions", "losses", "examples")
"""The plots of a version. They show nothing but the model and its images."""


def illustrations(finished: Finished, config: Config, store: Store) -> dict[str, bytes]:
    """Return PLOTS as PNG bytes by name. Those that an earlier version has just the same are taken from there."""
    plots = _reused(finished)
    missing = set(PLOTS) - set(plots)
    return plots | (_drawn(missing, finished, config, store) if missing else {})


def _reused(finished: Finished) -> dict[str, bytes]:
    """Return the plots that the version whose model is used again has."""
    if finished.reused is None:
        return {}
    plots = {}
    for name in PLOTS:
        if finished.reused.has(f"plots/{name}.png"):
            with contextlib.suppress(DamagedVersionError):  # it is drawn anew
                plots[name] = finished.reused.read(f"plots/{name}.png")
    return plots


def _drawn(names: Collection[str], finished: Finished, config: Config, store: Store) -> dict[str, bytes]:
    from regraft.reporting import plots  # matplotlib takes a while, and an unchanged web needs nothing drawn
    from regraft.reporting.example_sheet import example_sheet

    target, evaluation, synthetic = target_of(config), finished.evaluation, SyntheticLabels.of(config)
    test = evaluation.predictions[evaluation.predictions["split"] == "test"]
    drawings: dict[str, Callable[[], bytes]] = {
        "labels": lambda: plots.draw(target.label_chart(finished.manifest)),
        "predictions": lambda: plots.draw(target.prediction_chart(test, evaluation.metrics.oracle, synthetic)),
        "losses": lambda: plots.losses(finished.history),
        "examples": lambda: example_sheet(evaluation.predictions, target, store),
    }
    return {name: draw() for name, draw in drawings.items() if name in names}
