"""What stays of a run: what one process opens for it, each thing once and only when it is needed."""

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from regraft.config import Config
from regraft.errors import RegraftError
from regraft.fetching.budget import Budget
from regraft.fetching.crew import Crew
from regraft.links.removals import Removals, known_rows
from regraft.pipeline.spec import RunSpec
from regraft.progress import Meter
from regraft.store.disk import disk_at, is_remote
from regraft.store.drafts import Drafts
from regraft.store.local_disk import LocalDisk
from regraft.store.scratch import Scratch
from regraft.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from regraft.backbones.backbone import Backbone, Embeds
    from regraft.pipeline.early_embedding import EarlyEmbedding

ON_CPU = "CPU"
"""What `backbones.device.description` says of a machine without a GPU."""


class Bench:
    """One process's side of a run. Get it with `Bench.of(spec)`; safe to use from many threads."""

    def __init__(self, spec: RunSpec):
        self.spec = spec
        self.meter = Meter()
        """Progress and timings of the steps that ran in this process."""
        self.early: EarlyEmbedding | None = None
        """What embeds pictures while links are waited for, where that has begun."""
        self.all_cores = threading.Lock()
        """To be held while all cores compute: a worker of a cluster may have several such tasks."""
        self._lock = threading.RLock()
        self._network_lock = threading.RLock()
        """Of its own: loading a network takes seconds, in which links are fetched."""
        self._crew: Crew | None = None
        self._budget: Budget | None = None
        self._device: str | None = None
        self._backbone: Backbone | None = None
        self._embedder: Embeds | None = None
        self._import: threading.Thread | None = None
        self._nearby = Scratch()
        self._closed = False

    @classmethod
    def of(cls, spec: RunSpec) -> "Bench":
        """Return this process's bench for a run, the same one each time.

        A store has one run at a time, so the bench of an earlier run on the same store is closed first.
        """
        key = (os.getpid(), spec.store_url)  # a forked process opens its own
        with _lock:
            bench = _benches.get(key)
            if bench is None or bench.spec.run_id != spec.run_id:
                if bench is not None:
                    bench.close()
                bench = _benches[key] = cls(spec)
            return bench

    @property
    def config(self) -> Config:
        """The job's settings."""
        return self.spec.config

    @cached_property
    def store(self) -> Store:
        """The store."""
        url = self.spec.store_url
        return Store(url, self.nearby, disk_at(url, is_held=True, is_alone=self._is_alone))

    @cached_property
    def placeholders(self) -> "pd.DataFrame":
        """The placeholders that were known when the run began, without those that a person took back."""
        from regraft.dataset.decisions import all_decisions
        from regraft.dataset.honouring import Rulings
        from regraft.dataset.placeholders import placeholders_in_force

        return placeholders_in_force(self.store, Rulings(all_decisions(self.store), self.config.categories).photos())

    @cached_property
    def removals(self) -> Removals:
        """What must not come back. Raises CorruptError where nobody can tell."""
        rows = known_rows(self.store)
        if rows:
            from regraft.upkeep.receipt import check_remembered, newest_receipt

            newest = newest_receipt(self.store)  # a removal looks at all of them
            check_remembered(self.store, rows, [newest] if newest else [])
        return Removals.of(rows)

    @cached_property
    def nearby(self) -> str | None:
        """A folder of this machine for pictures that were fetched here, so that a bucket is not asked for them.

        None where the store is no bucket, or where there is no room.
        """
        if is_remote(self.spec.store_url):
            with contextlib.suppress(OSError):
                return str(self._nearby.path)
        return None

    @cached_property
    def drafts(self) -> Drafts:
        """What this run has made and not yet published: nearby, where no other machine needs it from a bucket."""
        return Drafts(LocalDisk(self.nearby)) if self.nearby and self._is_alone else self.store.drafts

    @property
    def _is_alone(self) -> bool:
        """Whether this machine does all of the run."""
        return self.config.engine.kind == "threads"

    @property
    def crew(self) -> Crew:
        """The processes that fetch. They start with the first request and end after the last."""
        with self._lock:
            if self._crew is None:
                self._crew = Crew(
                    self.spec.store_url,
                    self.config.fetch,
                    self.config.screen,
                    nearby=self.nearby,
                    on_waiting=lambda waiting: self.meter.wait("fetch", str(waiting or "")),
                    removals=self.removals,
                    layout=None if self._is_alone else self.store.layout,
                )
                if self._closed:
                    self._crew.close()
            return self._crew

    def budget(self, share: float) -> Budget:
        """Return what may be spent on a lane with this share of all links.

        On one machine that is the run's own budget, which all lanes share. The machines of a cluster do not know what
        the others spend, so each lane may spend its share of the bytes.
        """
        fetch = self.config.fetch
        with self._lock:
            if self._budget is None:
                self._budget = Budget(fetch.budget_s, fetch.budget_bytes)
            return self._budget if self._is_alone else self._budget.part(share)

    def use_device(self) -> str:
        """Have TensorFlow compute on the config's device; return what that is.

        To be called before anything is computed; only the first call chooses. Raises ConfigError where a GPU is
        wanted and TensorFlow sees none.
        """
        with self._network_lock:
            if self._device is None:
                import_tensorflow()
                from regraft.backbones import device

                device.use(self.config.device)
                self._device = device.description()
            return self._device

    @property
    def backbone(self) -> "Backbone":
        """The frozen backbone, loaded at the first call. Raises BackboneError where it or its weights are missing."""
        with self._network_lock:
            if self._backbone is None:
                self.use_device()
                from regraft.backbones.loading import load_backbone

                self._backbone = load_backbone(self.config.backbone.name, self.config.backbone.weights)
            return self._backbone

    @property
    def embedder(self) -> "Embeds":
        """What embeds pictures: on the CPU the backbone as the store keeps it, which is there at once; else `backbone`.

        As long as nobody has called `use_device` that is on the CPU. Raises what `backbone` raises.
        """
        with self._network_lock:
            if self._device not in (None, ON_CPU):
                return self.backbone
            if self._embedder is None:
                from regraft.backbones.litert import kept_backbone
                from regraft.backbones.weights import SIDE

                network = self.store.networks.read(self._fingerprint)
                self._embedder = kept_backbone(self._fingerprint, SIDE, network) or self.backbone
            return self._embedder

    @property
    def _fingerprint(self) -> str:
        """Of the frozen backbone."""
        from regraft.backbones.weights import frozen_fingerprint

        return frozen_fingerprint(self.config.backbone.name, self.config.backbone.weights)

    def _early_embedder(self) -> "Embeds":
        """What embeds new pictures. They mean that a head will be trained: what that takes is imported meanwhile."""
        embedder = self.embedder
        if self._import is None:
            self._import = threading.Thread(target=self._import_early, name="import", daemon=True)
            self._import.start()
        return embedder

    def _import_early(self) -> None:
        with contextlib.suppress(RegraftError):  # whoever trains will hear of that
            self.use_device()

    @contextlib.contextmanager
    def embedding_early(self) -> Iterator[None]:
        """Embed pictures, while the context lasts, as soon as they are fetched in this process.

        Raises BackboneError where the backbone's weights are missing.
        """
        from regraft.pipeline.early_embedding import EarlyEmbedding

        batch_size = self.config.backbone.batch
        self.early = EarlyEmbedding(self._early_embedder, self._fingerprint, self.store, batch_size)
        self.early.start()
        try:
            yield
        finally:
            self.early.stop()

    def close(self) -> None:
        """Close what was opened. May be called twice; a step that comes too late finds its links `skipped`."""
        if self.early is not None:
            self.early.stop()
        if self._import is not None:
            self._import.join()  # a process that ends while it imports may crash
        with self._lock:
            self._closed = True
            self._backbone = self._embedder = None
            if self._crew is not None:
                self._crew.close()
            self._nearby.close()


def import_tensorflow() -> None:
    """Import what turns pictures into features: TensorFlow, which takes seconds and prints much on standard error."""
    from regraft.backbones.keras_import import import_keras
    from regraft.backbones.stderr import muted_stderr

    with muted_stderr():
        import_keras()
        from regraft.backbones import device, embedding, loading  # noqa: F401 - for what they import


_lock = threading.RLock()
_benches: dict[tuple[int, str], Bench] = {}
