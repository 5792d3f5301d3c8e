"""Whole jobs on a bucket that fails: links are fetched and screened, a version is exported; the next try goes on.

`python -m tests.store.failing_jobs [PLACES] [JOB...]` prints what was tried and what held, at so many requests of each
job; `test_failing_buckets.py` has a few of each.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from regraft.dataset.export import STATEMENT, export_dataset
from regraft.dataset.export_settings import ExportSettings, PictureSettings
from regraft.pipeline import steps
from regraft.pipeline.bench import Bench
from regraft.pipeline.results import in_rounds
from regraft.pipeline.run import open_run
from regraft.process import prepare_process
from regraft.store import versions
from regraft.store.disk import disk_at
from regraft.store.locks import CHAMPION_LOCK, LOCK
from regraft.store.store import Store
from tests.buckets import serving_buckets
from tests.hostile import serving
from tests.moved_web import RESULT_COLUMNS, Moved, job, remembered
from tests.store.failing_buckets import FailingBuckets, Failure, Plan, failing_buckets, plans
from tests.store.faults import ended_well
from tests.store.tallies import Tally
from tests.upkeep.pictured import put_pictures


@dataclass(frozen=True)
class Job:
    """Something that takes many requests."""

    make: Callable[[str], object]
    """Prepare the store at a URL."""
    work: Callable[[str], object]
    """Do it, or go on with it."""
    result: Callable[[str], object]
    """What it came to."""

    def calls(self, buckets: FailingBuckets) -> int:
        """Return how many requests it makes that change something."""
        url = buckets.new_store()
        self.make(url)
        return buckets.changes_of(lambda: self.work(url))

    def expected(self, buckets: FailingBuckets) -> object:
        """Return what it comes to where nothing fails."""
        url = buckets.new_store()
        self.make(url)
        self.work(url)
        return self.result(url)

    def problems(self, buckets: FailingBuckets, plan: Plan, expected: object) -> Iterator[str]:
        """Try it by a plan in a new bucket, and once more without a failure; yield what did not hold."""
        url = buckets.new_store()
        self.make(url)
        with buckets.failing(plan):
            yield from ended_well(lambda: self.work(url))
        for lock in (LOCK, CHAMPION_LOCK) if plan.lasts else ():
            Store(url).disk.delete(lock)  # as its time passes
        yield from ended_well(lambda: self.work(url))
        if self.result(url) != expected:
            yield "it came to something else"


def fetching(folder: Path, proxy: str) -> Job:
    """Fetch and screen links of a web whose hosts have all moved to one."""
    config = job(folder, proxy, machines=1)

    def work(url: str) -> None:
        with open_run(config.model_copy(update={"store": url})) as spec:
            bench = Bench.of(spec)
            lanes = steps.read(bench).lanes
            steps.screen(in_rounds(lanes, lambda each: [steps.fetch(lane, bench) for lane in each]), bench)

    def result(url: str) -> object:
        known = remembered(config.model_copy(update={"store": url}))
        return known[RESULT_COLUMNS].to_dict("records")

    return Job(lambda url: None, work, result)


def exporting() -> Job:
    """Export a version as a folder of pictures."""
    settings = ExportSettings(layout="imagefolder", pictures=PictureSettings(), shard_images=2)

    def work(url: str) -> None:
        champion = versions.champion(Store(url))
        assert champion is not None
        export_dataset(champion, f"{url}-dataset", settings)

    def result(url: str) -> object:
        disk = disk_at(f"{url}-dataset")
        return {path: disk.read(path) for path in disk.sizes("") if path != STATEMENT}

    return Job(lambda url: put_pictures(Store(url), has_examples=False), work, result)


def main(places: int, names: Sequence[str]) -> None:
    """Try jobs with every failure, and print a table."""
    prepare_process()
    tally = Tally("requests", [failure.name for failure in Failure])
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        web = opened.enter_context(serving(Moved().answer))
        server = opened.enter_context(serving_buckets(folder / "log"))
        buckets = opened.enter_context(failing_buckets(server))
        jobs = {"fetch": fetching(folder, f"http://127.0.0.1:{web.port}"), "export": exporting()}
        for name in names or jobs:
            calls, expected = jobs[name].calls(buckets), jobs[name].expected(buckets)
            problems = {
                failure.name: [
                    [f"{plan}: {text}" for text in jobs[name].problems(buckets, plan, expected)]
                    for plan in plans(calls, failure, min(places, calls))
                ]
                for failure in Failure
            }
            tally.add(name, calls, problems)
    tally.end()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10, sys.argv[2:])
