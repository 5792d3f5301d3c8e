"""Marks a run that was cut off as crashed, or as completed where it had published: nobody else may be left to do so."""

import logging
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import PrefectException
from prefect.states import Completed, Crashed

from regraft.pipeline.bench import Bench
from regraft.pipeline.spec import RunSpec
from regraft.store import versions

log = logging.getLogger("regraft")
CRASHED = "It was cut off: its process, its server or its machine died. The next run went on from there."


def mark_cut_off_run(spec: RunSpec) -> None:
    """Mark the run that was cut off before this one as crashed, where the server still takes it for running.

    The store's lock proves that it is over. Automations mark most such runs, but not those whose server died with them.
    A run whose version is there has completed, whatever the server took it for.
    """
    if not spec.cut_off:
        return
    try:
        with get_client(sync_client=True) as client:
            flow_run = client.read_flow_run(UUID(spec.cut_off))
            version = versions.published_by(Bench.of(spec).store, spec.cut_off)
            if version is not None and flow_run.state_type != StateType.COMPLETED:
                message = f"It published version {version.name}, and could not tell its server so."
                client.set_flow_run_state(flow_run.id, Completed(message=message), force=True)
            elif flow_run.state is not None and not flow_run.state.is_final():
                client.set_flow_run_state(flow_run.id, Crashed(message=CRASHED), force=True)
    except (ValueError, PrefectException, httpx.HTTPError) as error:  # it ran with another server, or with none
        log.info("The run that was cut off before is not known to this Prefect server: %s", error)
