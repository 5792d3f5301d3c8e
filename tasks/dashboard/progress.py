"""Show in the dashboard how far a run is while it goes on: a progress artifact for each step that has many parts."""

import contextlib
import contextvars
import logging
import re
import threading
from collections.abc import Iterator
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec

log = logging.getLogger("regraft")
EVERY_S = 2.0
"""Seconds between two looks at the run's meter, which the steps themselves never wait for."""
JOIN_S = 10


def artifact_key(job: str, name: str) -> str:
    """Return the key of one of a job's artifacts; keys have small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{job}-{name}".lower()).strip("-")


@contextlib.contextmanager
def shown(spec: RunSpec) -> Iterator[None]:
    """Show the run's progress while the context lasts."""
    over = threading.Event()
    follows = threading.Thread(target=contextvars.copy_context().run, args=(_follow, spec, over), daemon=True)
    follows.start()
    try:
        yield
    finally:
        over.set()
        follows.join(JOIN_S)


def _follow(spec: RunSpec, over: threading.Event) -> None:
    shown: dict[str, tuple[UUID, float]] = {}
    try:
        ended = False
        while not ended:
            ended = over.wait(EVERY_S)
            for step, (done, total) in Bench.of(spec).meter.counts().items():
                if total > 1:
                    _show(step, round(100 * done / total, 1), f"{step}: {done:,} of {total:,}", shown, spec)
    except (PrefectException, httpx.HTTPError) as error:
        log.info("progress is not shown any more: %s", error)


def _show(step: str, percent: float, words: str, shown: dict[str, tuple[UUID, float]], spec: RunSpec) -> None:
    """Put one step's progress into the dashboard, where it has changed."""
    if step not in shown:
        made = create_progress_artifact(percent, artifact_key(spec.config.name, step), words)
    elif shown[step][1] != percent:
        made = update_progress_artifact(shown[step][0], percent, words)
    else:
        return
    shown[step] = (made, percent)  # type: ignore[assignment]  # neither is awaited: there is no loop in this thread
