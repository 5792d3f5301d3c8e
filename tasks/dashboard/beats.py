"""A flow run's heartbeats, and the event that ends them, by which the server knows a run that has died.

Prefect's own heartbeats will not do: the last one may come after the news that the run has completed, and would then be
waited for in vain. Each event here names the one before it, and the server looks at them in that order.
"""

import contextlib
import contextvars
import threading
from collections.abc import Iterator
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, runtime
from prefect.client.schemas.objects import FlowRun, State
from prefect.events import Event, emit_event

P = ParamSpec("P")
R = TypeVar("R")
BEAT, ENDED = "regraft.run.beat", "regraft.run.ended"
BEAT_S = 30
"""Seconds between two heartbeats; automations.yaml allows for 90."""
_last_beats: dict[str, Event | None] = {}
"""The last heartbeat of each flow run of this process that has not ended."""


@contextlib.contextmanager
def beating() -> Iterator[None]:
    """Emit BEAT for the flow run under way, now and every BEAT_S seconds, while the context lasts."""
    run, name = str(runtime.flow_run.id or ""), str(runtime.flow_run.name)
    is_over = threading.Event()

    def beat() -> None:
        while True:
            _last_beats[run] = emit_event(BEAT, _resource(run, name), follows=_last_beats.get(run))
            if is_over.wait(BEAT_S):
                return

    thread = threading.Thread(target=contextvars.copy_context().run, args=(beat,), name="beats", daemon=True)
    if run:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        if run:
            thread.join()


def emitting_end(flow: Flow[P, R]) -> Flow[P, R]:
    """Return a flow, once ENDED is emitted for each of its runs, however it ends: for flows that beat."""
    for add_hook in (flow.on_completion, flow.on_failure, flow.on_crashed, flow.on_cancellation):
        add_hook(_emit_end)
    return flow


def _emit_end(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Emit ENDED for a flow run that has ended, with its state's name: a hook of Prefect's flows."""
    run = str(flow_run.id)
    emit_event(ENDED, _resource(run, flow_run.name), payload={"state": state.name}, follows=_last_beats.pop(run, None))


def _resource(run: str, name: str) -> dict[str, str]:
    return {"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.name": name}
