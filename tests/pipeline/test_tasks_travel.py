"""A task does not care on which machine it runs: what it gets and returns is small, and means the same anywhere."""

import importlib
import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from prefect import Task

from regraft import menagerie
from regraft.pipeline.results import Chunk, Embedded, Learnt
from regraft.pipeline.run import open_run
from regraft.store import versions
from regraft.store.store import Store

pytestmark = pytest.mark.tensorflow
MAX_BYTES = 64_000
"""What a task may get or return at most, pickled."""


@dataclass
class Travels:
    """Runs each task in another process than the one before, and keeps what went there and back."""

    processes: Iterator[ProcessPoolExecutor]
    luggage: list[tuple[str, Any]] = field(default_factory=list)
    """The name of a task, and something that it got or returned."""

    def run(self, task: Task[Any, Any], *arguments: Any) -> Any:
        """Run a task once."""
        return self.map(task, [arguments])[0]

    def map(self, task: Task[Any, Any], calls: list[tuple[Any, ...]]) -> list[Any]:
        """Run a task once for each tuple of arguments, side by side: half of them in the next process."""
        halves = [part for part in (calls[::2], calls[1::2]) if part]
        futures = [
            next(self.processes).submit(called_side_by_side, task.fn.__module__, task.fn.__name__, half)
            for half in halves
        ]
        results = [result for future in futures for result in future.result()]
        self.luggage += [(task.name, value) for value in [*(value for call in calls for value in call), *results]]
        return results


def called_side_by_side(module: str, name: str, calls: list[tuple[Any, ...]]) -> list[Any]:
    """Call a task's function in a process that has only its arguments."""
    task = getattr(importlib.import_module(module), name)
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(lambda arguments: task.fn(*arguments), calls))


@pytest.fixture(scope="module")
def luggage(tmp_path_factory: pytest.TempPathFactory, prefect_server: None) -> list[tuple[str, Any]]:
    """Everything that the tasks of one run of the menagerie got and returned, run in two processes by turns."""
    from regraft.flows import refresh
    from regraft.tasks.ask_archive import ask_archive
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

    config = menagerie.CONFIG.model_copy(update={"store": str(tmp_path_factory.mktemp("travels") / "store")})
    spawn = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, spawn) as first,
        ProcessPoolExecutor(1, spawn) as second,
        menagerie.served(config) as reachable,
        open_run(reachable) as spec,
    ):
        travels = Travels(cycle((first, second)))
        run = travels.run
        links = run(read, spec)
        fetched = travels.map(fetch, [(lane, spec) for lane in links.lanes])
        assert run(ask_archive, fetched, spec) > 0
        screened = run(screen, fetched, spec)
        manifest = run(label, screened, links, spec)
        assert run(reuse, screened, manifest, spec) is None
        halves = [Chunk(manifest.table, 0, 50), Chunk(manifest.table, 50, manifest.images)]
        embedded = Embedded.all(travels.map(embed, [(chunk, spec) for chunk in halves]))
        screened, manifest = run(drop_misfiled, screened, manifest, embedded, spec)
        head = run(train, manifest, embedded, spec)
        learnt = Learnt(screened, manifest, embedded, head)
        evaluated = run(evaluate, learnt, spec)
        version = publish.fn(learnt, evaluated, spec)  # here, where Prefect's server is known
        travels.luggage += [("publish", value) for value in (learnt, evaluated, spec, version)]
    assert versions.newest(Store(config.store)).name == version
    tasks = {value.name for value in vars(refresh).values() if isinstance(value, Task)}
    assert {name for name, _ in travels.luggage} == tasks - {"tune"}, "every task of the flow travels here"
    return travels.luggage


def test_what_a_task_gets_and_returns_is_small(luggage: list[tuple[str, Any]]) -> None:
    sizes = {(name, type(value).__name__): len(pickle.dumps(value)) for name, value in luggage}
    print(sorted(sizes.items(), key=lambda item: -item[1])[:5])
    assert {what: size for what, size in sizes.items() if size > MAX_BYTES} == {}


def test_it_means_the_same_in_a_process_that_has_opened_nothing(luggage: list[tuple[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "sent").write_bytes(pickle.dumps(luggage))
    script = (
        "import pickle, sys\n"
        "received = pickle.load(open('sent', 'rb'))\n"
        "pickle.dump(received, open('returned', 'wb'))\n"
        "opened = {'regraft.pipeline.bench', 'regraft.store.store', 'tensorflow', 'prefect'} & set(sys.modules)\n"
        "assert not opened, opened\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert pickle.loads((tmp_path / "returned").read_bytes()) == luggage
