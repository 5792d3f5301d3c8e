"""What the steps of one run share: its config, its store, its crew, its progress."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from regraft.config import Config
from regraft.fetching.crew import Crew
from regraft.progress import Meter

if TYPE_CHECKING:
    from regraft.store.store import Store


@dataclass(frozen=True)
class Run:
    """One run under way; holds the store's lock."""

    config: Config
    store: "Store"
    crew: Crew
    since: datetime
    """Checks of links since then count as this run's."""
    folder: Path
    """Scratch space of this machine, gone after the run."""
    cut_off: str = ""
    """The name of the run before, where it was cut off."""
    meter: Meter = field(default_factory=Meter)


@contextlib.contextmanager
def open_run(config: Config, name: str = "") -> Iterator[Run]:
    """Hold the store, start the crew, and let both go at the end. Raises LockedError or StoreError.

    `name` is what the next run will know this one by, should it be cut off.
    """
    with Crew(config.store, config.fetch, config.screen) as crew:
        from regraft.store.store import Store  # its tables take as long to import as the crew to start

        store = Store(config.store)
        with store.run(name) as turn, tempfile.TemporaryDirectory(prefix="regraft-") as folder:
            try:
                yield Run(config, store, crew, turn.since, Path(folder), turn.cut_off)
            finally:
                crew.close()  # before the store is let go: whoever still waits for links is done with it
