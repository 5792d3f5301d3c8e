"""The bench of a task: that of its process, which may be a Dask worker that no program of Regraft's has prepared."""

import sys
import threading
import time
from typing import Any

from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.worker_check import check_worker
from regraft.process import prepare_process
from regraft.progress import set_display

PROGRESS = "regraft-progress"
"""The topic of Dask events by which workers report how far they are."""
REPORT_EVERY_S = 0.5


def bench_of(spec: RunSpec) -> Bench:
    """Return this process's bench for a run, and have a Dask worker report its progress to whoever runs the flow.

    Raises EngineError where this is a Dask worker that cannot work for the run.
    """
    prepare_process()
    if (worker := _dask_worker()) is not None:
        check_worker(spec, worker.address)
        set_display(EventDisplay(worker, spec.run_id))
    return Bench.of(spec)


class EventDisplay:
    """Reports a worker's progress as Dask events."""

    def __init__(self, worker: Any, run_id: str):
        self._worker, self._run_id = worker, run_id
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def show(self, step: str, done: int, total: int) -> None:
        """Report how far a step is, unless that was reported just now."""
        with self._lock:
            now = time.monotonic()
            if done < total and now - self._last.get(step, 0.0) < REPORT_EVERY_S:
                return
            self._last[step] = now
        report = {"run_id": self._run_id, "worker": self._worker.address, "step": step, "done": done, "total": total}
        self._worker.log_event(PROGRESS, report)

    def show_waiting(self, step: str, reason: str) -> None:
        """Report nothing: other workers may go on."""


def _dask_worker() -> Any:
    """The Dask worker that this task runs on; None where it runs on none."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:
        return None
