"""How far a run is, shown in the dashboard while it goes on: a progress artifact for each step that has many parts."""

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
UPDATE_S = 2.0
"""Seconds between two looks at the run's meter; the steps themselves never wait for the dashboard."""
JOIN_S = 10
"""Seconds that the last update may take."""


def artifact_key(job: str, name: str) -> str:
    """Return the key of one of a job's artifacts; keys have small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", f"{job}-{name}".lower()).strip("-")


@contextlib.contextmanager
def progress_shown(spec: RunSpec) -> Iterator[None]:
    """Show the progress of the steps that run in this process while the context lasts."""
    is_over = threading.Event()
    context = contextvars.copy_context()  # so that the artifacts belong to this flow run
    thread = threading.Thread(target=context.run, args=(_follow, spec, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(JOIN_S)


def _follow(spec: RunSpec, is_over: threading.Event) -> None:
    meter, artifacts = Bench.of(spec).meter, _ProgressArtifacts(spec.config.name)
    try:
        while True:
            has_ended = is_over.wait(UPDATE_S)
            waiting = meter.waiting()
            for step, (done, total) in meter.counts().items():
                if total > 1:
                    artifacts.update(step, done, total, waiting.get(step, ""))
            if has_ended:
                return
    except (PrefectException, httpx.HTTPError) as error:
        log.info("The dashboard no longer shows progress: %s", error)


class _ProgressArtifacts:
    """A job's progress artifacts by step, updated only where something has changed."""

    def __init__(self, job: str):
        self._job = job
        self._ids: dict[str, UUID] = {}
        self._shown: dict[str, tuple[float, str]] = {}

    def update(self, step: str, done: int, total: int, waiting: str) -> None:
        percent = round(100 * done / total, 1)
        if self._shown.get(step) == (percent, waiting):
            return
        description = f"{step}: {done:,} of {total:,}" + (f", {waiting}" if waiting else "")
        # Neither call is awaited: there is no event loop in this thread.
        if step in self._ids:
            update_progress_artifact(self._ids[step], percent, description)
        else:
            key = artifact_key(self._job, step)
            self._ids[step] = create_progress_artifact(percent, key, description)  # type: ignore[assignment]
        self._shown[step] = (percent, waiting)
