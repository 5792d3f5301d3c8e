"""What travels of a run: everything that a task needs to know, small enough to be sent to any machine."""

from dataclasses import dataclass
from datetime import datetime

from regraft.config import Config


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run. Frozen, picklable and small; what a process opens for it is its `Bench`."""

    config: Config
    """The job's settings."""
    store_url: str
    """Where the store is: an absolute path, or an fsspec URL, so that it means the same in every process."""
    run_id: str
    """Names this run among all others: the id of its flow run, where it has one."""
    now: datetime
    """When the run began: the one time that all its checks have, so that no two machines' clocks need agree."""
    since: datetime
    """Checks of links since then count as this run's: `now`, or the start of the run before, where that was cut off."""
    code: str = ""
    """Which Regraft began it, see `provenance.code`: no other one works for it."""
    cut_off: str = ""
    """The id of the run before, where that was cut off; "" where it ended."""
