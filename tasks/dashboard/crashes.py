"""Say of a run that was cut off that it crashed: nobody else may be left to do so."""

import logging
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.states import Crashed

from regraft.pipeline.spec import RunSpec

log = logging.getLogger("regraft")


def tell_cut_off(spec: RunSpec) -> None:
    """Mark the run that was cut off before this one as crashed, where the server still takes it for running.

    The store's lock proves that it is over. Automations see most such runs to their end, but not those whose server
    died with them.
    """
    if not spec.cut_off:
        return
    message = "It was cut off: its process, its server or its machine died. The next run went on from there."
    try:
        with get_client(sync_client=True) as client:
            known = client.read_flow_run(UUID(spec.cut_off))
            if known.state is not None and not known.state.is_final():
                client.set_flow_run_state(known.id, Crashed(message=message), force=True)
    except (ValueError, PrefectException, httpx.HTTPError) as error:  # it ran with another server, or with none
        log.info("the run that was cut off before is not known here: %s", error)
