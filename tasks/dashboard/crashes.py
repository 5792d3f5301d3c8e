"""Marks a run that was cut off as crashed: nobody else may be left to do so."""

import logging
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.states import Crashed

from regraft.pipeline.spec import RunSpec

log = logging.getLogger("regraft")
MESSAGE = "It was cut off: its process, its server or its machine died. The next run went on from there."


def mark_cut_off_run(spec: RunSpec) -> None:
    """Mark the run that was cut off before this one as crashed, where the server still takes it for running.

    The store's lock proves that it is over. Automations mark most such runs, but not those whose server died with them.
    """
    if not spec.cut_off:
        return
    try:
        with get_client(sync_client=True) as client:
            flow_run = client.read_flow_run(UUID(spec.cut_off))
            if flow_run.state is not None and not flow_run.state.is_final():
                client.set_flow_run_state(flow_run.id, Crashed(message=MESSAGE), force=True)
    except (ValueError, PrefectException, httpx.HTTPError) as error:  # it ran with another server, or with none
        log.info("The run that was cut off before is not known to this Prefect server: %s", error)
