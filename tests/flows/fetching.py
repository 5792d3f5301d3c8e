"""A flow that does a part of what `refresh` does: it fetches and screens, and needs no TensorFlow."""

from prefect import flow, unmapped

from regraft.config import Config
from regraft.flows.engine import Engine
from regraft.pipeline.results import in_rounds
from regraft.pipeline.run import open_run
from regraft.tasks.fetch import fetch
from regraft.tasks.read import read
from regraft.tasks.screen import screen


@flow(task_runner=Engine(threads=4), log_prints=False)
def fetch_links(config: Config) -> None:
    """Fetch and screen a job's links, as `refresh` does."""
    with open_run(config) as spec:
        lanes = read(spec).lanes
        screen(in_rounds(lanes, lambda each: fetch.map(each, spec=unmapped(spec)).result()), spec)
