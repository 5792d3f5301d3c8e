"""One run without Prefect: the steps in their order, in this process. `regraft.flows.refresh` is the same as a flow."""

from concurrent.futures import ThreadPoolExecutor

from regraft.links.shards import LANES
from regraft.pipeline import steps
from regraft.pipeline.bench import Bench
from regraft.pipeline.results import Embedded, Learnt, Manifest, Screened, chunks, in_rounds
from regraft.store.run_record import PrefectRun


def refresh(bench: Bench) -> str:
    """Fetch, judge, label, learn, evaluate and publish; return the name of the version that was published.

    Raises a RegraftError where a step cannot be done. What was fetched and embedded by then is kept.
    """
    links = steps.read(bench)
    with bench.embedding_early(), ThreadPoolExecutor(LANES) as threads:  # they wait for the network side by side
        fetched = in_rounds(links.lanes, lambda lanes: threads.map(lambda lane: steps.fetch(lane, bench), lanes))
    if bench.config.fetch.archive:
        steps.ask_archive(fetched, bench)
    screened = steps.screen(fetched, bench)
    manifest = steps.label(screened, links, bench)
    learnt = steps.reuse(screened, manifest, bench) or learn(screened, manifest, bench)
    evaluated = steps.evaluate(learnt, bench)
    return steps.publish(learnt, evaluated, PrefectRun(), bench).version


def learn(screened: Screened, manifest: Manifest, bench: Bench) -> Learnt:
    """Turn pictures into features, drop what is in the wrong list, tune if that is wanted, and train a head."""
    embedded = Embedded.all([steps.embed(chunk, bench) for chunk in chunks(manifest, bench.config.engine)])
    screened, manifest = steps.drop_misfiled(screened, manifest, embedded, bench)
    if bench.config.tune.blocks:
        embedded = steps.tune(manifest, embedded, bench)
    head = steps.train(manifest, embedded, bench)
    return Learnt(screened, manifest, embedded, head)
