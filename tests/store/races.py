"""Commands side by side on one store, each killed, ended or stopped at a random moment.

`python -m tests.store.races [ROUNDS] [SEED]` prints what was tried and what held; `test_races.py` has a few rounds.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from regraft.config import FetchSettings
from regraft.process import prepare_process
from regraft.store import versions
from regraft.store.locks import MARKER
from regraft.store.root import REMOVING
from regraft.store.store import Store
from regraft.store.version import Version
from regraft.upkeep.verify import verify
from tests.store.commands import (
    EXIT_CODES,
    REMOVED,
    WORKS,
    alone,
    import_all,
    published,
    put_versions_in_use,
    run,
    start,
)
from tests.upkeep.pictured import NAMES
from tests.upkeep.stores import JANUARY

SIDE_BY_SIDE = 6
"""Commands of a round."""
SIGNALS = (None, None, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
"""How a command is ended; half of those that are not left alone may have ended before."""
START_S, END_S = 0.3, 1.5
"""By when a command of a round has begun, and by when it gets its signal."""
PATIENCE_S = 90
CHANGING = ("remove", "prune")
"""Of those, what may change or take away what was published."""
WEIGHTS = [3 if name in ("remove", "prune", "repair", "run") else 1 for name in WORKS]
"""How often each is done: what changes most, most."""


@dataclass
class Child:
    """One process of a round."""

    name: str
    pid: int
    output: Path
    signal: signal.Signals | None
    signal_at: float
    code: int | None = None

    @property
    def end(self) -> str:
        """How it ended: by itself, or by which signal."""
        return "by itself" if self.signal is None or self.code in EXIT_CODES else self.signal.name

    def problems(self) -> Iterator[str]:
        text = self.output.read_text(errors="replace")
        if "Traceback" in text or "Error:" in text:
            yield f"{self.name} ({self.signal}) ended with {text[-1500:]}"
        elif self.code not in EXIT_CODES and (self.signal is None or self.code not in (-self.signal, 130)):
            yield f"{self.name} ({self.signal}) ended with {self.code}: {text[-500:]}"


def play(url: str, rng: random.Random) -> list[Child]:
    """One round: some works at once, some of which are ended early."""
    began, children = time.monotonic(), list[Child]()
    for number, name in enumerate(rng.choices([*WORKS], WEIGHTS, k=SIDE_BY_SIDE)):
        output = Path(f"{url}-{number}.txt")
        output.touch()
        end, wait_s = rng.choice(SIGNALS), rng.uniform(0, START_S)
        pid = start(name, WORKS[name], url, output, wait_s)
        children.append(Child(name, pid, output, end, began + rng.uniform(0, END_S)))
    while any(child.code is None for child in children):
        for child in (child for child in children if child.code is None):
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
                child.code = os.waitstatus_to_exitcode(status)
            elif child.signal and time.monotonic() > child.signal_at:
                os.kill(child.pid, child.signal)
                child.signal_at += PATIENCE_S
            elif time.monotonic() > began + PATIENCE_S:
                os.kill(child.pid, signal.SIGKILL)
        time.sleep(0.002)
    return children


def check(url: str, before: Mapping[str, bytes], is_changing: bool) -> int:
    """Print what does not hold once the next run is over; return whether anything does not."""
    store, problems = Store(url), list[str]()
    for version in versions.published(store):
        for file in version.run.files:
            version.read(file)
    champion = versions.champion(store)
    if champion is None or not champion.is_published:
        problems.append(f"the champion is {champion}")
    problems += [f"damage: {damage}" for damage in verify(store, False, FetchSettings(), lambda path: None)]
    now = published(url)
    if not is_changing:
        problems += [f"{path} has changed" for path, data in before.items() if now.get(path) != data]
    problems += [f"half of version {version.name} is there" for version in versions.unfinished(store)]
    left = [*store.disk.names("tmp"), *store.disk.names("drafts")]
    left += [path for path in (MARKER, REMOVING) if store.disk.exists(path)]
    left += [path for path in store.disk.sizes("blobs") if "." in path]
    problems += [f"{path} is left behind" for path in left]
    if store.disk.names("receipts"):
        problems += [f"{path} names the removed link" for path in holders(url, REMOVED.encode())]
    print("\n".join(problems))
    return bool(problems)


def holders(url: str, text: bytes) -> list[str]:
    """The files of a store with a text in them."""
    return [str(path) for path in Path(url).rglob("*") if path.is_file() and text in path.read_bytes()]


def make(url: str) -> int:
    """A store with pictures, two versions, and the first of them in use before the second."""
    put_versions_in_use(Store(url))
    newest = Version(Store(url), NAMES[1])
    files = {file: newest.read(file) for file in (*newest.run.files, "run.json")}
    versions.publish(Store(url), JANUARY[2], files)
    return 0


def problems_of_round(original: str, folder: Path, rng: random.Random) -> tuple[list[Child], list[str]]:
    """Play a round on a copy of a store; return what was played and what did not hold."""
    url = str(shutil.copytree(original, folder / "store"))
    before = published(url)
    children = play(url, rng)
    problems = [problem for child in children for problem in child.problems()]
    if code := alone(run, url, folder / "next.txt"):
        problems.append(f"the next run ended with {code}: {(folder / 'next.txt').read_text()}")
    is_changing = any(child.name in CHANGING for child in children)
    if alone(lambda url: check(url, before, is_changing), url, folder / "check.txt"):
        problems.append((folder / "check.txt").read_text())
    return children, problems


def main(rounds: int, seed: int) -> None:
    """Play rounds, and print how often what was ended how, and what did not hold."""
    prepare_process()
    import_all()
    rng, ends, held, failures = random.Random(seed), Counter[tuple[str, str]](), 0, list[str]()
    with tempfile.TemporaryDirectory() as folder:
        original = f"{folder}/original"
        assert alone(make, original, Path(folder) / "make.txt") == 0, (Path(folder) / "make.txt").read_text()
        for number in range(rounds):
            place = Path(folder, str(number))
            place.mkdir()
            children, problems = problems_of_round(original, place, rng)
            ends.update((child.name, child.end) for child in children)
            held += not problems
            failures += [f"round {number} ({', '.join(c.name for c in children)}): {text}" for text in problems]
            shutil.rmtree(place)
    columns = ("by itself", "SIGKILL", "SIGTERM", "SIGINT")
    print(f"{'ended':14}" + "".join(f"{column:>12}" for column in columns))
    for name in WORKS:
        print(f"{name:14}" + "".join(f"{ends[name, column]:12}" for column in columns))
    print(f"tried {rounds} rounds of {SIDE_BY_SIDE} commands, held {held}")
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
