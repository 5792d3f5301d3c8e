"""A run opened: the store held, a marker written that a run is under way, and both let go at its end.

What few runs need is imported only by those: pandas alone takes as long as the processes that fetch take to start.
"""

import contextlib
import uuid
from collections.abc import Iterator
from datetime import datetime

from regraft.config import Config
from regraft.dataset.decision_files import MAX_FILES, decision_files
from regraft.pipeline.bench import Bench
from regraft.pipeline.provenance import code
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.store_check import check_store
from regraft.store import versions
from regraft.store.root import REMOVING
from regraft.store.store import Store


@contextlib.contextmanager
def open_run(config: Config, run_id: str = "", now: datetime | None = None) -> Iterator[RunSpec]:
    """Hold the store for one run and yield its spec. At the end close this process's bench, then let the store go.

    A removal that was cut off is finished first, and decisions that lie in many files are merged.
    `run_id` is the name by which the next run knows this one, should it be cut off; one is made up where none is given.
    `now` is when the run begins, by another clock than this machine's.
    Raises LockedError while another run is under way, StoreError where the store cannot be written, or where the
    processes of a run would each see another one.
    """
    store = check_store(config.store)
    run_id = run_id or uuid.uuid4().hex
    with store.run(run_id, now) as start:
        spec = RunSpec(
            config=config,
            store_url=store.address,
            run_id=run_id,
            now=start.now,
            since=start.now if _has_published(store, start.cut_off) else start.since,
            code=code(),
            cut_off=start.cut_off,
        )
        bench = Bench.of(spec)
        store, drafts = bench.store, bench.drafts
        try:
            _finish_removal(store)
            _merge_decisions(store)
            store.drafts.sweep()  # what a run that was cut off left
            yield spec
        finally:
            bench.close()  # before the store is let go: whoever still waits for links is done with it
            drafts.sweep()


def _finish_removal(store: Store) -> None:
    """Go on with a removal that was cut off, if there is one."""
    if store.disk.exists(REMOVING):
        from regraft.upkeep.remove import finish

        finish(store)


def _merge_decisions(store: Store) -> None:
    """Merge decisions that lie in many files."""
    if len(decision_files(store)) > MAX_FILES:
        from regraft.dataset.decisions import compact

        compact(store)


def _has_published(store: Store, run_id: str) -> bool:
    """Whether the run that was cut off had done all its work: then this one begins afresh."""
    return bool(run_id) and versions.published_by(store, run_id) is not None
