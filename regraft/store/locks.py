"""The lock that one run holds."""

from dataclasses import dataclass
from datetime import datetime, timedelta

RUN = "run.json"


LEASE = timedelta(hours=6)
"""A remote store cannot tell whether the run that locked it still lives; after this long its lock is taken over."""


@dataclass(frozen=True)
class Turn:
    """A run's turn at a store."""

    since: datetime
    """Checks of links since then count as this run's: now, or the start of a run that was cut off, so that what that
    one had checked is not asked again."""
    cut_off: str = ""
    """The name of the run that was cut off."""
