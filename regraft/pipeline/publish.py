"""A finished run as one immutable version: tables, metrics, head, plots, report; and then the champion."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from regraft.dataset import misfiled
from regraft.dataset.screening import Screened
from regraft.errors import VersionError
from regraft.identity import digest_of
from regraft.judging.evaluation import Evaluation
from regraft.links import memory as links
from regraft.links.rot import changes, rot_table
from regraft.pictures.colours import rgb
from regraft.pipeline.bench import Bench as Run
from regraft.pipeline.provenance import commit, libraries
from regraft.pipeline.reuse import recipe
from regraft.reporting import report
from regraft.reporting.examples import examples, thumbnails
from regraft.reporting.history import MOST, Summary, history, summary
from regraft.reporting.report import Story
from regraft.store import versions
from regraft.store.records import Counts, MetricsRecord, PrefectRun, RunRecord
from regraft.store.tables import parquet
from regraft.store.versions import Version
from regraft.targets.choice import target_of
from regraft.targets.labels import SyntheticLabels

log = logging.getLogger("regraft")
SHOWN = 8
"""Test images in the gallery."""


@dataclass(frozen=True)
class Finished:
    """What a run made."""

    screened: Screened
    manifest: pd.DataFrame
    evaluation: Evaluation
    head: bytes
    history: Mapping[str, list[float]]
    fingerprint: str
    computed: int
    """Images whose features were not there yet."""
    device: str
    prefect_run: Mapping[str, str]
    tuned: bytes | None = None
    """backbone.npz, where the backbone was fine-tuned."""
    same: Version | None = None
    """The version whose model this is too, where it was found again."""


def publish(run: Run, made: Finished) -> Story:
    """Publish a version, move the champion if the gate said so, and return the story of it."""
    name = versions.new_name(run.store)
    champion = versions.champion(run.store)
    published = versions.names(run.store)
    parent = published[-1] if published else None
    before = versions.version(run.store, parent).table("links.parquet") if parent else None
    about = _about(run, made, parent)
    pictures = _plots(run, made, before)
    shown = examples(made.evaluation.predictions, target_of(run.config))
    changed, left_out = changes(made.screened.links, before), misfiled.misfiled_links(made.screened.links, run.store)
    small = thumbnails(report.pictured(changed, left_out, shown), run.store)
    story = Story(
        name,
        about,
        made.evaluation.metrics,
        made.screened.links,
        made.manifest,
        changed,
        pictures,
        left_out,
        _past(run, name, about, made.evaluation.metrics),
        shown,
        small,
    )
    files = {
        "run.json": about.to_bytes(),
        "metrics.json": made.evaluation.metrics.to_bytes(),
        "links.parquet": parquet(made.screened.links, links.SCHEMA),
        "link_rot.parquet": parquet(rot_table(made.screened.links, changed)),
        "manifest.parquet": parquet(made.manifest),
        "predictions.parquet": parquet(made.evaluation.predictions),
        "holdout.parquet": parquet(made.evaluation.holdout),
        "head.keras": made.head,
        "certainty.npz": made.evaluation.certainty,
        "report.html": report.html(story).encode(),
        "MODEL_CARD.md": report.model_card(story).encode(),
    } | {f"plots/{plot}.png": png for plot, png in pictures.items()}
    if made.tuned is not None:
        files["backbone.npz"] = made.tuned
    digests = {file: digest_of(data) for file, data in files.items() if file != "run.json"}
    files["run.json"] = about.model_copy(update={"files": digests, "timings": run.meter.timings()}).to_bytes()
    versions.publish(run.store, name, files)
    if made.evaluation.metrics.promoted:
        versions.promote(run.store, name, champion.name if champion else None)
    return story


def _past(run: Run, name: str, about: RunRecord, metrics: MetricsRecord) -> list[Summary]:
    """The job's newest versions, and the one that is to be published last."""
    this = summary(name, about, metrics, metrics.promoted)
    try:
        before = [told for told in history(run.store, MOST - 1) if told.job == this.job]
    except VersionError as error:  # no reason to fail a run that was measured; `regraft verify` tells of it
        log.warning("the versions before are not told of: %s", error)
        return [this]
    return [replace(told, champion=told.champion and not this.champion) for told in before] + [this]


def _about(run: Run, made: Finished, parent: str | None) -> RunRecord:
    """Return run.json, without the digests of files that are not made yet."""
    links = made.screened.links
    return RunRecord(
        config=run.config,
        seed=run.config.seed,
        published_at=datetime.now(UTC).replace(microsecond=0),
        commit=commit(),
        libraries=libraries(),
        model_fingerprint=recipe(made.manifest, run.config),
        model_of=made.same.name if made.same else None,
        device=made.device,
        timings=run.meter.timings(),
        counts=Counts(
            links=len(links),
            verdicts=_counts(links["verdict"]),
            outcomes=_counts(links["outcome"]),
            images=_counts(made.manifest["category"]),
            features_computed=made.computed,
        ),
        survival=made.screened.survival,
        backbone_fingerprint=made.fingerprint,
        parent=parent,
        prefect=PrefectRun.model_validate(made.prefect_run),
        history={name: [round(x, 6) for x in values] for name, values in made.history.items()},
    )


def _counts(column: "pd.Series[str]") -> dict[str, int]:
    """How often each value stands in a column, the most frequent first."""
    return {str(value): int(count) for value, count in column.value_counts().items()}


def _plots(run: Run, made: Finished, before: pd.DataFrame | None) -> dict[str, bytes]:
    """The plots by name; of a model that was found again, those that are true still are found again too."""
    found: dict[str, bytes] = {}
    if made.same is not None:
        known = [name for name in MODEL_PLOTS if made.same.has(f"plots/{name}.png")]
        if before is not None and _tally(before) == _tally(made.screened.links):
            known.append("health")
        found = {name: made.same.read(f"plots/{name}.png") for name in known}
    missing = {*MODEL_PLOTS, "health"} - set(found)
    return found | (_drawn(missing, run, made) if missing else {})


MODEL_PLOTS = ("labels", "predictions", "losses", "gallery")
"""The plots that show nothing but the model and its images."""


def _tally(links: pd.DataFrame) -> dict[Any, int]:
    return dict(links.groupby(["verdict", "reason"]).size())


def _drawn(names: Collection[str], run: Run, made: Finished) -> dict[str, bytes]:
    from regraft.reporting import (
        plots,  # matplotlib takes its time, and a run on an unchanged web has nothing new to draw
    )

    predictions, target = made.evaluation.predictions, target_of(run.config)
    test = predictions[predictions["split"] == "test"]

    def against_labels() -> bytes:
        chart = target.prediction_chart(test, made.evaluation.metrics.oracle, SyntheticLabels.of(run.config))
        return plots.draw(chart)

    def gallery() -> bytes:
        shown = test.groupby("category").head(SHOWN // test["category"].nunique() or 1)
        pictures = [rgb(run.store.blobs.read(digest), 256) for digest in shown["digest"]]
        below = zip(shown["category"], target.captions_with_labels(shown), strict=True)
        return plots.gallery(pictures, [f"{category}\n{caption}" for category, caption in below])

    ways: dict[str, Callable[[], bytes]] = {
        "labels": lambda: plots.draw(target.label_chart(made.manifest)),
        "predictions": against_labels,
        "losses": lambda: plots.losses(made.history),
        "health": lambda: plots.health(made.screened.links),
        "gallery": gallery,
    }
    return {name: draw() for name, draw in ways.items() if name in names}
