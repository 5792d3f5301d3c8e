"""Every kind of file of a store, damaged in every way, and what commands do then: one sentence, and nothing gets worse.

`python -m tests.store.damages [STEP] [COMMAND...]` prints what was tried and what held; with a step only every so
many-th case is tried, as in `test_damages.py`.
"""

import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from regraft.config import FetchSettings
from regraft.errors import RegraftError
from regraft.process import prepare_process
from regraft.store.store import Store
from regraft.upkeep.remove import remove
from regraft.upkeep.verify import verify
from regraft.upkeep.wanted import wanted_of
from tests.store.commands import (
    EXIT_CODES,
    OTHER,
    WORKS,
    alone,
    command,
    import_all,
    published,
    put_versions_in_use,
    run,
)
from tests.upkeep.pictured import NOW, url_of

TRIED = ("remove", "export", "promote", "prune", "repair", "accept", "reject", "pages", "run")
"""Commands that are tried, by their names in WORKS."""
NUMBERS = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}|[0-9a-f]{16,}|\d{2}-\d{4}|\d{8}(?!T)")
"""What the names of files of one kind differ in."""
KEEPING = ("export", "promote", "accept", "reject", "pages", "run")
"""Commands that change no file of a version."""


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def _swapped(file: Path) -> None:
    others = [path for path in file.parent.iterdir() if path.is_file() and path != file]
    file.write_bytes(others[0].read_bytes() if others else b"{}")


def _folder(file: Path) -> None:
    file.unlink()
    (file / "within").mkdir(parents=True)


def _unreadable(file: Path) -> None:
    file.chmod(0)


def _from_the_future(file: Path) -> None:
    file.write_bytes(re.sub(rb'"(schema|format)": \d+', rb'"\1": 999', file.read_bytes()))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "gone": Path.unlink,
    "cut": _cut,
    "emptied": _emptied,
    "flipped": _flipped,
    "swapped": _swapped,
    "folder": _folder,
    "unreadable": _unreadable,
    "future": _from_the_future,
}
"""What becomes of a file. The superuser reads what is unreadable."""


def make(url: str) -> int:
    """A store with pictures, two versions, both of which were in use, and a removal."""
    put_versions_in_use(Store(url))
    remove(Store(url), [wanted_of(url_of(5))], "the owner wants it", now=NOW)
    return command("reject", OTHER)(url)


def kinds(url: str) -> list[str]:
    """The path of one file of each kind."""
    sizes = Store(url).disk.sizes("")
    of_kind = {NUMBERS.sub("N", path): path for path, size in sizes.items() if size}
    return sorted(of_kind.values())


def check(url: str) -> int:
    """Print what does not hold after a command and the next run; return whether anything does not."""
    store = Store(url)
    try:
        list(verify(store, False, FetchSettings(), lambda path: None))
    except RegraftError:  # a newer Regraft wrote something
        return 0
    except Exception as error:
        print(f"a reader fails with {type(error).__name__}: {error}")
        return 1
    return 0


def problems(original: str, place: Path, path: str, damage: str, name: str) -> Iterator[str]:
    """Try a command on a copy of a store in which a file is damaged; yield what did not hold."""
    url = str(shutil.copytree(original, place / "store"))
    DAMAGES[damage](Path(url, path))
    before = published(url)
    output, next_output = place / "output.txt", place / "next.txt"
    code = alone(WORKS[name], url, output)
    text = output.read_text(errors="replace")
    if "Traceback" in text or "Error:" in text or code not in EXIT_CODES:
        yield f"it ended with {code}: {text[-700:]}"
    if name in KEEPING:
        now = published(url)
        yield from (f"{file} has changed" for file, data in before.items() if now.get(file) != data)
    code = alone(run, url, next_output)
    text = next_output.read_text(errors="replace")
    if "Traceback" in text or code not in EXIT_CODES:
        yield f"the next run ended with {code}: {text[-700:]}"
    if code and name == "repair":
        yield f"the next run does not go on after a repair: {text}"
    if alone(check, url, next_output):
        yield next_output.read_text()


def main(step: int, names: Sequence[str]) -> None:
    """Try commands on all kinds of damaged files, or on every so many-th of them, and print a table."""
    prepare_process()
    import_all()
    tried, held, failures = Counter[tuple[str, str]](), Counter[tuple[str, str]](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        original = f"{folder}/original"
        assert alone(make, original, Path(folder, "make.txt")) == 0, Path(folder, "make.txt").read_text()
        cases = [(path, damage, name) for path in kinds(original) for damage in DAMAGES for name in names]
        for number, (path, damage, name) in enumerate(cases[::step]):
            place = Path(folder, str(number))
            place.mkdir()
            texts = list(problems(original, place, path, damage, name))
            shutil.rmtree(place)
            tried[name, damage] += 1
            held[name, damage] += not texts
            failures += [f"{path} {damage}, {name}: {text}" for text in texts]
    print(f"{'command':10}" + "".join(f"{damage:>14}" for damage in DAMAGES))
    for name in names:
        cells = (f"{held[name, damage]} of {tried[name, damage]}" for damage in DAMAGES)
        print(f"{name:10}" + "".join(f"{cell:>14}" for cell in cells))
    print(f"tried {tried.total()}, held {held.total()}")
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1, sys.argv[2:] or TRIED)
