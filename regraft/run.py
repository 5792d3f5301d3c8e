"""What the steps of one run share: its config, its store, its crew, its progress."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from regraft.config import Config
from regraft.crew import Crew
from regraft.progress import Meter
from regraft.store import Store


@dataclass(frozen=True)
class Run:
    """One run under way; holds the store's lock."""

    config: Config
    store: Store
    crew: Crew
    since: datetime
    """Checks of links since then count as this run's."""
    folder: Path
    """Scratch space of this machine, gone after the run."""
    meter: Meter = field(default_factory=Meter)


@contextlib.contextmanager
def open_run(config: Config) -> Iterator[Run]:
    """Hold the store, start the crew, and let both go at the end. Raises LockedError or StoreError."""
    store = Store(config.store)
    with (
        store.run() as since,
        Crew(store, config.fetch, config.screen) as crew,
        tempfile.TemporaryDirectory(prefix="regraft-") as folder,
    ):
        yield Run(config, store, crew, since, Path(folder))
