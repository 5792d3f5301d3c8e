"""The main job: from lists of links that rot to a published version."""

from typing import Any

import pandas as pd
from prefect import flow, runtime, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from regraft import menagerie
from regraft.config import Config
from regraft.dataset.screening import Screened
from regraft.fetching import shard as fetching
from regraft.links.shards import SHARDS
from regraft.pipeline.run import Run, open_run
from regraft.pipeline.steps import Learnt
from regraft.process import prepare_process
from regraft.tasks.dashboard.crashes import tell_cut_off
from regraft.tasks.dashboard.progress import shown
from regraft.tasks.drop_misfiled import weed
from regraft.tasks.embed import embed
from regraft.tasks.evaluate import evaluate
from regraft.tasks.fetch import fetch
from regraft.tasks.label import label
from regraft.tasks.publish import publish
from regraft.tasks.read import read
from regraft.tasks.reuse import recall
from regraft.tasks.screen import screen
from regraft.tasks.train import train
from regraft.tasks.tune import tune

THREADS: Any = ThreadPoolTaskRunner(max_workers=SHARDS)
"""Shards wait for the network side by side; the work is done by the crew's processes."""


def run_name() -> str:
    """Name a flow run by its job and its day: `felidae 2026-11-23 07:00`."""
    config = runtime.flow_run.parameters.get("config", menagerie.CONFIG)
    name = config["name"] if isinstance(config, dict) else config.name
    when = runtime.flow_run.scheduled_start_time
    return f"{name} {when:%Y-%m-%d %H:%M}"


@flow(name="refresh", flow_run_name=run_name, task_runner=THREADS)
def refresh(config: Config = menagerie.CONFIG) -> str:
    """Fetch the links, judge them, label and embed what lives, train a head, and publish a version.

    Returns the version's name. Without a config it runs on the embedded menagerie, which needs no internet.
    """
    prepare_process()  # a Prefect worker calls this flow without the command line
    name = str(runtime.flow_run.id or "")
    with menagerie.served(config) as reachable, open_run(reachable, name) as run, shown(run):
        tell_cut_off(run)
        links = read(run)
        fetched = fetch.map(list(fetching.shards(links).items()), run=unmapped(run))
        screened = screen(fetched.result(), run)
        manifest = label(screened.pictures, links, run)
        learnt = recall(screened, manifest, run) or learn(screened, manifest, run)
        evaluation = evaluate(learnt, run)
        return publish(learnt, evaluation, run)


def learn(screened: Screened, manifest: pd.DataFrame, run: Run) -> Learnt:
    """Turn pictures into features, weed out what is in the wrong list, train a head, and tune if that is wanted."""
    embedded = embed(manifest, run)
    screened, manifest = weed(screened, manifest, embedded, run)
    head = train(manifest, embedded, run)
    if run.config.tune.blocks:
        embedded, head = tune(manifest, embedded, head, run)
    return Learnt(screened, manifest, embedded, head)
