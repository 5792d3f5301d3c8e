"""The main job: from lists of links that rot to a published version."""

import contextlib
import os
import sys
from collections.abc import Iterator

from prefect import flow, runtime, unmapped

from regraft import menagerie
from regraft.config import Config
from regraft.errors import ServerError
from regraft.flows.engine import Engine
from regraft.links.shards import LANES
from regraft.pipeline.bench import Bench
from regraft.pipeline.results import Embedded, Learnt, Manifest, Screened, chunks, in_rounds
from regraft.pipeline.run import open_run
from regraft.pipeline.spec import RunSpec
from regraft.process import prepare_process
from regraft.tasks.ask_archive import ask_archive
from regraft.tasks.dashboard.beats import beating, emitting_end
from regraft.tasks.dashboard.crashes import mark_cut_off_run
from regraft.tasks.dashboard.progress import progress_shown
from regraft.tasks.drop_misfiled import drop_misfiled
from regraft.tasks.embed import embed
from regraft.tasks.evaluate import evaluate
from regraft.tasks.fetch import fetch
from regraft.tasks.label import label
from regraft.tasks.publish import publish
from regraft.tasks.read import read
from regraft.tasks.reuse import reuse
from regraft.tasks.screen import screen
from regraft.tasks.train import train
from regraft.tasks.tune import tune

OF_A_WORKER = "PREFECT__FLOW_RUN_ID"
"""The variable that Prefect's workers give to the processes that they start."""


def run_name() -> str:
    """Name a flow run by its job and its day: `felidae 2026-11-23 07:00`."""
    config = runtime.flow_run.parameters.get("config", menagerie.CONFIG)
    name = config["name"] if isinstance(config, dict) else config.name
    when = runtime.flow_run.scheduled_start_time
    return f"{name} {when:%Y-%m-%d %H:%M}"


@emitting_end
@flow(
    name="refresh",
    flow_run_name=run_name,
    task_runner=Engine(threads=LANES),
)
def refresh(config: Config = menagerie.CONFIG) -> str:
    """Fetch the links, label and embed the pictures that they show, train a head, and publish a version.

    Returns the version's name. Without a config it runs on the embedded menagerie, which needs no internet.
    """
    prepare_process()  # a Prefect worker calls this flow without the command line
    run_id = str(runtime.flow_run.id or "")
    with (
        ended_with_server(),
        beating(),
        menagerie.served(config) as reachable,
        open_run(reachable, run_id) as spec,
        progress_shown(spec),
    ):
        mark_cut_off_run(spec)
        links = read(spec)
        with Bench.of(spec).embedding_early():
            fetched = in_rounds(links.lanes, lambda lanes: fetch.map(lanes, spec=unmapped(spec)).result())
        if spec.config.fetch.archive:
            ask_archive(fetched, spec)
        screened = screen(fetched, spec)
        manifest = label(screened, links, spec)
        learnt = reuse(screened, manifest, spec) or learn(screened, manifest, spec)
        evaluated = evaluate(learnt, spec)
        return publish(learnt, evaluated, spec)


@contextlib.contextmanager
def ended_with_server() -> Iterator[None]:
    """Where a worker runs this process and Prefect's server is gone, end it at once, with that error's exit code.

    Prefect would go on for minutes, and end with another.
    """
    try:
        yield
    except ServerError as error:
        if os.environ.get(OF_A_WORKER):
            print(f"regraft: {error}", file=sys.stderr, flush=True)
            os._exit(error.exit_code)
        raise


def learn(screened: Screened, manifest: Manifest, spec: RunSpec) -> Learnt:
    """Turn pictures into features, drop what is in the wrong list, tune if that is wanted, and train a head."""
    embedded = Embedded.all(embed.map(chunks(manifest, spec.config.engine), spec=unmapped(spec)).result())
    screened, manifest = drop_misfiled(screened, manifest, embedded, spec)
    if spec.config.tune.blocks:
        embedded = tune(manifest, embedded, spec)
    head = train(manifest, embedded, spec)
    return Learnt(screened, manifest, embedded, head)
