"""Every kind of file of a store, damaged in every way, and what commands do then: one sentence, and nothing gets worse.

`python -m tests.store.damages [STEP] [COMMAND...]` prints what was tried and what held; with a step only every so
many-th case is tried, as in `test_damages.py`. A command that does not open a file of a sound store is not tried with
other bytes there: it cannot know of them.
"""

import contextlib
import importlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from regraft.config import FetchSettings
from regraft.dataset.misfiled import DOUBTFUL, MISFILED
from regraft.dataset.placeholders import PLACEHOLDERS
from regraft.errors import RegraftError
from regraft.links.mementos import MEMENTOS
from regraft.links.memory import known_links, put_links
from regraft.links.shards import path_of
from regraft.process import prepare_process
from regraft.store.layout import Layout, guests_path
from regraft.store.locks import MARKER
from regraft.store.store import Store
from regraft.store.tables import no_rows
from regraft.upkeep.remove import remove
from regraft.upkeep.verify import verify
from regraft.upkeep.wanted import wanted_of
from tests.store.commands import (
    EXIT_CODES,
    OTHER,
    WORKS,
    Work,
    alone,
    command,
    import_all,
    published,
    put_versions_in_use,
    run,
)
from tests.upkeep.pictured import BACKBONE, NOW, url_of

TRIED = ("remove", "export", "promote", "prune", "repair", "accept", "reject", "pages", "run")
"""Commands that are tried, by their names in WORKS."""
NUMBERS = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}|[0-9a-f]{16,}|\d{2}-\d{4}|\d{8}(?!T)")
"""What the names of files of one kind differ in."""
KEEPING = ("export", "promote", "accept", "reject", "pages", "run")
"""Commands that change no file of a version."""
FAILED = 70
"""The exit code of a command with a fault."""
EMPTY_TABLES = {
    "placeholders": PLACEHOLDERS,
    "no_placeholders": PLACEHOLDERS,
    "misfiled": MISFILED,
    "doubtful": DOUBTFUL,
    "mementos": MEMENTOS,
}
"""Tables beside the links, by name."""
NO_PREFECT = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_CLIENT_MAX_RETRIES": "0"}
"""Settings by which Prefect's server does not answer: nobody waits for one to start."""


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def _zeroed(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _grown(file: Path) -> None:
    file.write_bytes(file.read_bytes() + bytes(4096))


def _swapped(file: Path) -> None:
    """Put a file in its place that is as like it as there is: of another version, shard or backbone, or beside it."""
    near = [path for folder in (file.parents[1], file.parent) for path in folder.rglob("*")]
    others = [path for path in near if path.is_file() and path.suffix == file.suffix and path != file]
    others.sort(key=lambda path: (path.name != file.name, path.parent != file.parent))
    file.write_bytes(others[0].read_bytes() if others else b"{}")


def _folder(file: Path) -> None:
    file.unlink()
    (file / "within").mkdir(parents=True)


def _link_to_nothing(file: Path) -> None:
    file.unlink()
    file.symlink_to("nothing")


def _unreadable(file: Path) -> None:
    file.chmod(0)


def _from_the_future(file: Path) -> None:
    file.write_bytes(re.sub(rb'"(schema|format)": \d+', rb'"\1": 999', file.read_bytes()))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "gone": Path.unlink,
    "cut": _cut,
    "emptied": _emptied,
    "flipped": _flipped,
    "zeroed": _zeroed,
    "grown": _grown,
    "swapped": _swapped,
    "folder": _folder,
    "link": _link_to_nothing,
    "unreadable": _unreadable,
    "future": _from_the_future,
}
"""What becomes of a file."""
NO_DAMAGES = ("future", "unreadable")
"""What is no damage, but refused: what a newer Regraft wrote, and what this user may not read."""
SEEN_UNOPENED = ("gone", "folder", "link")
"""What shows in a folder's listing already."""
if os.geteuid() == 0:
    del DAMAGES["unreadable"]  # the superuser reads it


def make(url: str) -> int:
    """A store that has every kind of file: two versions, both of which were in use, a removal, and a run cut off."""
    store = Store(url)
    put_versions_in_use(store)
    store.networks.put(BACKBONE, b"a network")
    for name, schema in EMPTY_TABLES.items():
        store.tables.write(f"links/{name}.parquet", no_rows(schema), schema)
    remove(store, [wanted_of(url_of(5))], "the owner wants it", now=NOW)
    store.features.known(BACKBONE, [])  # writes the index
    shard = path_of(OTHER, Layout())
    put_links(store, guests_path(shard, 0), known_links(store, shard))
    store.drafts.put(b"a head")
    marker = {"since": NOW.isoformat(), "name": "cut off", "pid": 1, "at": NOW.timestamp()}
    store.disk.write(MARKER, json.dumps(marker).encode())
    return command("reject", OTHER)(url)


def kinds(url: str) -> list[str]:
    """The path of one file of each kind."""
    sizes = Store(url).disk.sizes("")
    of_kind = {NUMBERS.sub("N", path): path for path, size in sizes.items() if size}
    return sorted(of_kind.values())


def check(url: str) -> int:
    """Print what does not hold after a command and the next run; return whether anything does not."""
    try:
        list(verify(Store(url), False, FetchSettings(), lambda path: None))
    except RegraftError:  # a newer Regraft wrote something
        return 0
    except Exception as error:
        print(f"a reader fails with {type(error).__name__}: {error}")
        return 1
    return 0


def opened_by(work: Work, original: str, place: Path) -> set[str]:
    """The paths of a sound store's files that a command opens."""
    url, opened = str(shutil.copytree(original, place / "store")), place / "opened.txt"

    def watched(url: str) -> int:
        paths: list[str] = []
        sys.addaudithook(lambda event, words: paths.append(str(words[0])) if event == "open" else None)
        code = work(url)
        opened.write_text("\n".join(paths))
        return code

    alone(watched, url, place / "output.txt")
    prefix = f"{url}/"
    return {path.removeprefix(prefix) for path in opened.read_text().splitlines() if path.startswith(prefix)}


def cases(original: str, place: Path, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the path, the damage and the command of all that is to be tried."""
    paths = kinds(original)
    for name in names:
        (place / name).mkdir()
        opened = opened_by(WORKS[name], original, place / name)
        known = {NUMBERS.sub("N", path) for path in opened}
        for path in paths:
            for damage in DAMAGES:
                if damage in SEEN_UNOPENED or NUMBERS.sub("N", path) in known:
                    yield path, damage, name


def problems(original: str, place: Path, path: str, damage: str, name: str) -> Iterator[str]:
    """Try a command on a copy of a store in which a file is damaged; yield what did not hold."""
    url = str(shutil.copytree(original, place / "store"))
    DAMAGES[damage](Path(url, path))
    works = [WORKS[name], changed_since(published(url) if name in KEEPING else {}), run, check]
    (code, text), (_, changed), (run_code, run_text), (is_broken, broken) = outcomes(works, url, place)
    if "Traceback" in text or "Error:" in text or code not in EXIT_CODES:
        yield f"it ended with {code}: {text[-700:]}"
    if "Traceback" in run_text or run_code not in EXIT_CODES:
        yield f"the next run ended with {run_code}: {run_text[-700:]}"
    if run_code and name == "repair" and damage not in NO_DAMAGES:
        yield f"the next run does not go on after a repair: {run_text}"
    if changed:
        yield changed
    if is_broken:
        yield broken


def changed_since(before: dict[str, bytes]) -> Work:
    """What prints which files of versions are not as they were before."""

    def work(url: str) -> int:
        now = published(url)
        for file, data in before.items():
            if now.get(file) != data:
                print(f"{file} has changed")
        return 0

    return work


def outcomes(works: Sequence[Work], url: str, place: Path) -> list[tuple[int, str]]:
    """Do some work, one after the other in one process; return of each the exit code and what it printed."""
    results = place / "results.json"

    def work(url: str) -> int:
        results.write_text(json.dumps([outcome(each, url) for each in works]))
        return 0

    code = alone(work, url, place / "output.txt")
    assert code == 0, f"{code}: {(place / 'output.txt').read_text(errors='replace')}"
    return [(code, text) for code, text in json.loads(results.read_text())]


def outcome(work: Work, url: str) -> tuple[int, str]:
    """Do some work; return its exit code, 70 where it failed, and what it printed."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        try:
            return work(url), text.getvalue()
        except RegraftError as error:
            return error.exit_code, str(error)
        except Exception:
            traceback.print_exc()
            return FAILED, text.getvalue()


def main(step: int, names: Sequence[str]) -> None:
    """Try commands on all kinds of damaged files, or on every so many-th of them, and print a table."""
    os.environ |= NO_PREFECT
    prepare_process()
    import_all()
    importlib.import_module("regraft.tasks.dashboard.removal")
    tried, held, failures = Counter[tuple[str, str]](), Counter[tuple[str, str]](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        original = f"{folder}/original"
        assert alone(make, original, Path(folder, "make.txt")) == 0, Path(folder, "make.txt").read_text()
        place = Path(folder, "place")
        for path, damage, name in list(cases(original, Path(folder), names))[::step]:
            place.mkdir()
            texts = list(problems(original, place, path, damage, name))
            shutil.rmtree(place)
            tried[name, damage] += 1
            held[name, damage] += not texts
            failures += [f"{path} {damage}, {name}: {text}" for text in texts]
    print(f"{'command':10}" + "".join(f"{damage:>12}" for damage in DAMAGES))
    for name in names:
        cells = (f"{held[name, damage]} of {tried[name, damage]}" for damage in DAMAGES)
        print(f"{name:10}" + "".join(f"{cell:>12}" for cell in cells))
    print(f"tried {tried.total()}, held {held.total()}")
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, sys.argv[2:] or TRIED)
