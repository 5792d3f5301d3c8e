"""What the tasks of a run are sent to: threads of this machine, or the workers of a Dask cluster."""

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

from prefect.client.schemas.objects import RunInput
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from regraft.errors import EngineError
from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.pipeline.worker_check import problem, refused
from regraft.tasks.bench import PROGRESS

CONNECT_S = 10
"""Seconds that a scheduler has to answer."""


class Engine(TaskRunner[PrefectFuture[Any]]):
    """Sends each task to where its run's config says; the flow is the same for both."""

    def __init__(self, threads: int):
        super().__init__()  # type: ignore[no-untyped-call]
        self._threads = threads
        """All lanes wait for the network side by side; the crew's processes do the work."""
        self._runner: TaskRunner[Any] | None = None
        self._opened = ExitStack()

    def duplicate(self) -> "Engine":
        """Return another one like it: each flow run has its own."""
        return type(self)(self._threads)

    def submit(
        self,
        task: Any,
        parameters: dict[str, Any],
        wait_for: Iterable[PrefectFuture[Any]] | None = None,
        dependencies: dict[str, set[RunInput]] | None = None,
    ) -> PrefectFuture[Any]:
        """Send one task away, whose parameters hold a `spec`. Raises EngineError where the cluster cannot be used."""
        if self._runner is None:
            spec: RunSpec = parameters["spec"]
            address = spec.config.engine.address
            runner = cluster(address, spec) if address else ThreadPoolTaskRunner(max_workers=self._threads)
            self._runner = self._opened.enter_context(runner)
        return self._runner.submit(task, parameters, wait_for, dependencies)

    def __exit__(self, *exception: Any) -> None:
        self._opened.close()
        super().__exit__(*exception)


def cluster(address: str, spec: RunSpec) -> TaskRunner[Any]:
    """Return a runner on the cluster of a scheduler, whose workers are checked, and tell its run what they report.

    Raises EngineError where the scheduler does not answer, has no workers, or one of them cannot work for the run.
    """
    try:
        from prefect_dask import DaskTaskRunner
    except ImportError:
        raise EngineError("engine: dask needs more packages: pip install 'regraft[dask]'.") from None
    runner = DaskTaskRunner(address=address, client_kwargs={"timeout": CONNECT_S})
    try:
        client = runner.client
    except (OSError, TimeoutError, ValueError) as error:
        raise EngineError(
            f"The Dask scheduler at {address} does not answer; nothing was fetched. Start it with `dask scheduler`, or "
            "run with --engine threads."
        ) from error
    problems = client.run(problem, spec, on_error="return")
    if not problems:
        raise EngineError(f"The Dask scheduler at {address} has no workers; start some with `dask worker {address}`.")
    for worker, trouble in problems.items():
        if trouble:
            raise refused(worker, _sentence(trouble))
    client.subscribe_topic(PROGRESS, lambda event: _show(event[1], spec))
    return runner


def _sentence(trouble: str | Exception) -> str:
    """What a worker answered; an exception says that it could not even call Regraft."""
    if isinstance(trouble, str):
        return trouble
    return f"it cannot call Regraft ({type(trouble).__name__}: {trouble}); install the same Regraft there"


def _show(report: dict[str, Any], spec: RunSpec) -> None:
    """Show what a worker reports of this run."""
    if report["run_id"] == spec.run_id:
        Bench.of(spec).meter.merge(report["worker"], report["step"], report["done"], report["total"])
