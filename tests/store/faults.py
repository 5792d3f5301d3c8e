"""Every change of a store, cut off or refused at every system call that it makes.

`python -m tests.store.faults` prints what was tried and what held; `test_faults.py` holds it.
"""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum

import numpy as np
import pandas as pd

from regraft.config import FetchSettings
from regraft.dataset.decision import Decision, DecisionKind
from regraft.dataset.decisions import all_decisions, compact, decide
from regraft.errors import RegraftError
from regraft.identity import Url, digest_of
from regraft.links.memory import all_known_links, known_links, put_links
from regraft.links.shards import path_of, put_in_layout
from regraft.reporting.history import history
from regraft.store import versions
from regraft.store.disk import is_remote
from regraft.store.layout import LAYOUT_0, Layout
from regraft.store.local_disk import LocalDisk
from regraft.store.locks import CHAMPION_LOCK, LOCK
from regraft.store.root import LAYOUT_FILE, LINKS, REMOVING
from regraft.store.store import Store
from regraft.store.system_calls import SystemCalls
from regraft.store.tables import parquet
from regraft.store.version import Version
from regraft.upkeep.damage import Damage
from regraft.upkeep.decide import KnownPictures, decisions_on
from regraft.upkeep.prune import prune
from regraft.upkeep.remove import finish, remove
from regraft.upkeep.verify import verify
from regraft.upkeep.wanted import wanted_of
from tests.records import metrics_record, run_record
from tests.store.tallies import Tally
from tests.upkeep.stores import JANUARY, know_link

URL = "http://photos.example/cat/1.jpg"
LAYOUT = Layout(shards=(1,) * 2)
"""Fewer files of links than a store has by itself: each of them is read again and again."""
PATH = path_of(URL, LAYOUT)
"""Where the store remembers that link."""
BACKBONE = "net"
NOW = datetime(2026, 2, 1, tzinfo=UTC)
DECISIONS = [
    Decision(kind=kind, url=Url(URL), digest=digest_of(b"picture 0"), decided_at=NOW, why=kind)
    for kind in (DecisionKind.ACCEPT, DecisionKind.REJECT, DecisionKind.NOT_PLACEHOLDER)
]
"""What is decided one after the other, each with other words."""
NEW = JANUARY[9]
"""The version that some changes publish."""


class Killed(BaseException):
    """The process is gone: nothing that it would have done after this happens."""


class Fault(Enum):
    """What happens at a system call."""

    KILL = 0
    ENOSPC = errno.ENOSPC
    EIO = errno.EIO
    EMFILE = errno.EMFILE
    EACCES = errno.EACCES


@dataclass(frozen=True)
class Plan:
    """Which call of a change is refused, and how."""

    fault: Fault
    at: int
    """The call's number; the first is 0."""
    lasts: bool = False
    """Whether all later calls are refused too, but those that remove."""


class FaultySystem(SystemCalls):
    """The system's calls, refused by plan. Nothing waits for a disk: it is the process that dies, not the machine."""

    def __init__(self, plan: Plan | None = None):
        self.count = 0
        self._plan = plan

    def create(self, path: str) -> int:
        self._call()
        return super().create(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> int:
        try:
            self._call()
        except (Killed, OSError):
            super().write(descriptor, data[: len(data) // 2])  # what a full disk had room for
            raise
        return super().write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        self._call()

    def sync_all(self, descriptor: int) -> None:
        self._call()

    def rename(self, source: str, target: str) -> None:
        self._call()
        super().rename(source, target)

    def link(self, source: str, target: str) -> None:
        self._call()
        super().link(source, target)

    def unlink(self, path: str) -> None:
        self._call(removes=True)
        super().unlink(path)

    def mkdir(self, path: str) -> None:
        self._call()
        super().mkdir(path)

    def rmdir(self, path: str) -> None:
        self._call(removes=True)
        super().rmdir(path)

    def flock(self, descriptor: int) -> None:
        self._call()
        super().flock(descriptor)

    def _call(self, removes: bool = False) -> None:
        number, self.count = self.count, self.count + 1
        if self._plan is None or number < self._plan.at:
            return
        if self._plan.fault is Fault.KILL:
            raise Killed
        if number == self._plan.at or (self._plan.lasts and not removes):
            raise OSError(self._plan.fault.value, os.strerror(self._plan.fault.value))


def publish_version(store: Store, name: str, digest: str) -> None:
    """Publish a version that learnt from an image, and once became champion."""
    files = {
        "manifest.parquet": parquet(pd.DataFrame({"digest": [digest], "category": ["cat"], "split": ["train"]})),
        "metrics.json": metrics_record(promoted=True).to_bytes(),
        "plots/labels.png": b"the same plot in every version",
        "report.html": f"<h1>A report</h1>\n<li>{digest}</li>\n<li>another</li>".encode(),
        "MODEL_CARD.md": b"# A model\n",
    }
    digests = {file: digest_of(data) for file, data in files.items()}
    run = run_record(backbone_fingerprint=BACKBONE, files=digests)
    versions.publish(store, name, files | {"run.json": run.to_bytes()})


def make_store(url: str) -> None:
    """A store after some runs: three versions, the second of them in use, and a link that shows another picture."""
    store = opened(url)
    digests = [store.blobs.put(f"picture {i}".encode()) for i in range(4)]
    for name, digest in zip(JANUARY[:3], digests, strict=False):
        store.features.append(BACKBONE, [digest], np.ones((1, 4), np.float32))
        publish_version(store, name, digest)
    versions.promote(store, JANUARY[0], None)
    versions.promote(store, JANUARY[1], JANUARY[0])
    know_link(store, URL, digests[3], LAYOUT)
    table = known_links(store, PATH)
    put_links(store, PATH, table.assign(trusted_digest=digests[0], replaced_at=pd.Timestamp("2026-01-01", tz="UTC")))


def opened(url: str, system: SystemCalls | None = None) -> Store:
    return Store(url, disk=None if is_remote(url) else LocalDisk(url, system or FaultySystem()))


def _publish(store: Store) -> None:
    publish_version(store, NEW, next(iter(store.blobs)).digest)


def _promote(store: Store) -> None:
    versions.promote(store, JANUARY[2], JANUARY[1])


def _links(store: Store) -> None:
    put_links(store, PATH, known_links(store, PATH).assign(etag="new"))


def _blobs(store: Store) -> None:
    for i in range(3):
        store.blobs.put(f"new picture {i}".encode())
    store.disk.settle()


def _features(store: Store) -> None:
    store.features.append(BACKBONE, [blob.digest for blob in store.blobs], np.zeros((4, 4), np.float32))


def _run(store: Store) -> None:
    with store.run("a run"):
        head = store.drafts.put(b"head")
        _blobs(store)
        _links(store)
        store.drafts.read(head)
        _publish(store)
        versions.promote(store, NEW, JANUARY[1])
        store.drafts.sweep()


def _layout(store: Store) -> None:
    with store.held():
        put_in_layout(store, Layout(shards=(2,) * 2))


def _migrate(store: Store) -> None:
    with store.held():
        put_in_layout(store, LAYOUT)


def _accept(store: Store) -> None:
    wish = Decision(kind=DecisionKind.ACCEPT, decided_at=datetime(2026, 2, 1, tzinfo=UTC))
    decide(store, decisions_on(URL, wish, KnownPictures(store)))


def _compact(store: Store) -> None:
    with store.held():
        compact(store, max_files=1)


def _prune(store: Store) -> None:
    prune(store, 1, lambda path: None)


def _remove(store: Store) -> None:
    wanted = [wanted_of(digest_of(b"picture 0")), wanted_of(URL)]
    remove(store, wanted, "the owner wants it", ask_prefect=_ask_prefect, now=NOW)


def _ask_prefect(names: Sequence[str]) -> str:
    return "It was asked."


def _repair(store: Store) -> None:
    with store.held():
        list(verify(store, True, FetchSettings(), lambda path: None))


CHANGES: dict[str, Callable[[Store], None]] = {
    "publish": _publish,
    "promote": _promote,
    "links": _links,
    "blobs": _blobs,
    "features": _features,
    "run": _run,
    "layout": _layout,
    "migrate": _migrate,
    "accept": _accept,
    "compact": _compact,
    "prune": _prune,
    "remove": _remove,
    "repair": _repair,
}
"""What is done to a store, by name."""


def damage(url: str) -> None:
    """Damage what `verify --repair` can mend: plots, features, their index, tables, store.json, the pointer."""
    opened(url).features.known(BACKBONE, [])  # writes the index
    paths = paths_in(url)
    table = next(path for path in paths if path.startswith("links/") and path.endswith(".parquet"))
    part, index = (next(path for path in paths if path.endswith(end)) for end in (".npy", ".index"))
    plot = f"versions/{JANUARY[0]}/plots/labels.png"
    for path in (part, index, plot, table, versions.CHAMPION, "store.json"):
        opened(url).disk.write(path, b"damaged")


def put_in_format_0(url: str) -> None:
    """Have a store know of its link as stores of format 0 did."""
    store = opened(url)
    known = known_links(store, PATH)
    store.disk.delete_folder(LINKS)
    store.disk.delete(LAYOUT_FILE)
    put_links(store, path_of(URL, LAYOUT_0), known)


def prepare(change: str, url: str) -> None:
    """Make the store that a change is tried on."""
    make_store(url)
    if change == "migrate":
        put_in_format_0(url)
    if change == "repair":
        damage(url)
    if change == "remove":
        decision = Decision(kind=DecisionKind.ACCEPT, url=Url(URL), digest=digest_of(b"picture 0"), decided_at=NOW)
        decide(opened(url), [decision])
    if change == "compact":
        for each in DECISIONS:
            decide(opened(url), [each])
    if change == "prune":
        versions.promote(opened(url), JANUARY[2], JANUARY[1])
        opened(url).blobs.put(b"needed by nobody")
        publish_version(opened(url), JANUARY[3], next(iter(opened(url).blobs)).digest)


def speaks_of_removal(damage: Damage) -> bool:
    """Whether it says no more than that a removal is under way."""
    return damage.path == REMOVING or "somebody had removed" in damage.what


def paths_in(url: str) -> set[str]:
    """The path of every file of a store."""
    return set(opened(url).disk.sizes(""))


def files_in(url: str) -> dict[str, bytes]:
    """Every file of a store, by path."""
    disk = opened(url).disk
    return {path: disk.read(path) for path in disk.sizes("")}


def ended_well(change: Callable[[], object]) -> Iterator[str]:
    """Make a change; yield what is wrong with how it ends, if anything is."""
    try:
        change()
    except Killed:
        pass
    except RegraftError as error:
        if "\n" in str(error) or error.exit_code not in (3, 9):
            yield f"it ended with {error}"
    except Exception as error:
        yield f"it ended with a raw {type(error).__name__}: {error}"


@dataclass(frozen=True)
class World:
    """A change, and a store before it and after it where nothing fails."""

    change: str
    before: dict[str, bytes]
    after: dict[str, bytes]
    calls: int
    """System calls that the change makes."""

    @classmethod
    def of(cls, change: str, url: str) -> "World":
        prepare(change, url)
        before, system = files_in(url), FaultySystem()
        CHANGES[change](opened(url, system))
        return cls(change, before, files_in(url), system.count)

    def plans(self, fault: Fault, places: int | None = None) -> Iterator[Plan]:
        """The fault at each call, or at so many spread over all; once, and from that call on, as a disk stays full."""
        places = places or self.calls
        for at in sorted({int((place + 0.5) * self.calls / places) for place in range(places)}):
            if fault is not Fault.ENOSPC:
                yield Plan(fault, at)
            if fault is not Fault.KILL:
                yield Plan(fault, at, lasts=True)

    def problems(self, plan: Plan, url: str) -> list[str]:
        """Try the change by a plan on a store of its own; return what did not hold."""
        self.begin(url)
        problems = list(ended_well(lambda: CHANGES[self.change](opened(url, FaultySystem(plan)))))
        return [*problems, *self.problems_afterwards(url)]

    def begin(self, url: str) -> None:
        """Make the store before the change."""
        disk = opened(url).disk
        for path, data in self.before.items():
            disk.write(path, data)

    def problems_afterwards(self, url: str) -> list[str]:
        """Return what does not hold in a store on which the change was tried, now and after the next run."""
        problems = list(self._readers_fail(url))
        problems += self._changed(url)
        with opened(url).run("the next run"):
            finish(opened(url), _ask_prefect)  # this and the next as `open_run` does
            opened(url).drafts.sweep()
        return [*problems, *self._left_behind(url), *self._half_removed(url)]

    def _readers_fail(self, url: str) -> Iterator[str]:
        store = opened(url)
        try:
            for version in versions.published(store):
                for file in version.run.files:
                    if self.change != "repair":
                        version.read(file)
            if self.change != "repair":
                champion = versions.champion(store)
                assert champion is not None, "there is no champion any more"
                assert champion.is_published, "the champion is no version"
                history(store)
                if self.change == "compact":
                    assert [each.why for each in all_decisions(store)] == [each.why for each in DECISIONS]
                if self.change != "remove":
                    assert len(all_known_links(store)) == 1, "the link is not known any more"
                is_removing = store.disk.exists(REMOVING)
                damages = list(verify(store, False, FetchSettings(), lambda path: None))
                damages = [damage for damage in damages if not (is_removing and speaks_of_removal(damage))]
                assert damages == [], damages
        except Exception as error:
            yield f"a reader fails with {type(error).__name__}: {error}"

    def _changed(self, url: str) -> Iterator[str]:
        """Each version is as it was, as it is afterwards, or not there at all."""
        now = files_in(url)
        for name in {path.split("/")[1] for path in now if path.startswith("versions/")}:
            if not Version(opened(url), name).is_published:
                if not is_remote(url):  # which cannot put a folder in place at once; `prune` removes it
                    yield f"half of version {name} is there"
                continue
            folder = f"versions/{name}/"
            ours, before, after = (
                {p: d for p, d in t.items() if p.startswith(folder)} for t in (now, self.before, self.after)
            )
            if self.change == "remove":  # one file after the other
                changed = [path for path in before if ours.get(path) not in (before[path], after[path])]
                yield from (f"{path} has changed" for path in changed)
            elif ours not in (before, after):
                yield f"version {name} has changed"

    def _half_removed(self, url: str) -> Iterator[str]:
        """After the next run what was to be removed is gone everywhere, or nothing of it had begun."""
        if self.change != "remove":
            return
        locks = {LOCK, CHAMPION_LOCK}
        left = {path: data for path, data in files_in(url).items() if path not in locks}
        whole = [{path: data for path, data in t.items() if path not in locks} for t in (self.before, self.after)]
        if left not in whole:
            yield "it is half removed"

    def _left_behind(self, url: str) -> Iterator[str]:
        known = self.before.keys() | self.after.keys() | {LOCK, CHAMPION_LOCK}
        if is_remote(url):
            known |= {path for version in versions.unfinished(opened(url)) for path in version.sizes()}
        yield from (f"{path} is left behind" for path in sorted(paths_in(url) - known))


def main() -> None:
    """Try every change with every fault at every call, and print a table."""
    tally = Tally("calls", [fault.name for fault in Fault])
    for change in CHANGES:
        with tempfile.TemporaryDirectory() as folder:
            world, problems = World.of(change, f"{folder}/whole"), dict[str, list[list[str]]]()
            for fault in Fault:
                problems[fault.name] = [
                    world.problems(plan, f"{folder}/{fault.name}-{plan.at}-{plan.lasts}") for plan in world.plans(fault)
                ]
        tally.add(change, world.calls, problems)
    tally.end()


if __name__ == "__main__":
    main()
