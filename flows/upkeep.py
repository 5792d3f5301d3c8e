"""Upkeep as Prefect flows, for schedules and automations: a store is verified."""

from prefect import flow
from prefect.artifacts import create_table_artifact

from regraft.config import FetchSettings
from regraft.errors import CorruptError
from regraft.process import prepare_process
from regraft.store.store import Store
from regraft.tasks.dashboard.beats import beating, emitting_end
from regraft.upkeep.verify import verify as damages


@emitting_end
@flow(
    name="verify",
    flow_run_name="verify {store}",
)
def verify(store: str = "artifacts") -> int:
    """Check a store: every digest, every table, every pointer. Returns how many files were checked.

    Fails where something is damaged, and lists it as an artifact; `regraft verify --repair` mends what can be.
    """
    prepare_process()  # a Prefect worker calls this flow without the command line
    checked: set[str] = set()
    with beating():
        damaged = list(damages(Store(store), False, FetchSettings(), checked.add))
    if damaged:
        rows = [{"path": damage.path, "what": damage.what} for damage in damaged]
        create_table_artifact(key="damage", table=rows, description=f"Damaged in {store}")
        first = f"{damaged[0].path}: {damaged[0].what}"
        raise CorruptError(f"{len(damaged)} of {len(checked)} files in {store} are damaged. The first is {first}")
    return len(checked)
