"""Upkeep as Prefect flows, for schedules and automations: a store looked through."""

from prefect import flow
from prefect.artifacts import create_table_artifact

from regraft.config import FetchSettings
from regraft.errors import CorruptError
from regraft.process import prepare_process
from regraft.store.store import Store
from regraft.upkeep.verify import verify as verifying


@flow(name="verify", flow_run_name="verify {store}")
def verify(store: str = "artifacts") -> int:
    """Look through a store: every digest, every table, every pointer. Returns how many files were looked at.

    Fails where something is damaged, and lists it as an artifact; `regraft verify --repair` mends what can be.
    """
    prepare_process()  # a Prefect worker calls this flow without the command line
    looked_at: list[str] = []
    found = list(verifying(Store(store), False, FetchSettings(), looked_at.append))
    if found:
        rows = [{"path": damage.path, "what": damage.what} for damage in found]
        create_table_artifact(key="damage", table=rows, description=f"Damaged in {store}")
        raise CorruptError(f"{len(found)} of {len(looked_at)} files in {store} are damaged, the first: {found[0]}.")
    return len(looked_at)
