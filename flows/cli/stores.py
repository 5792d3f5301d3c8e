"""Which store a command works on: the one that it names, or else that of the job that ran last in this folder."""

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from regraft.errors import StoreError
from regraft.flows.cli.output import printable
from regraft.store import versions
from regraft.store.root import LAYOUT_FILE, LINKS, VERSIONS
from regraft.store.store import Store
from regraft.store.version import LAST_FILE, published_at

LAST_STORE = Path(".regraft-store")
"""The file in the current folder that names the store of the job that ran last there: stores may lie anywhere."""
PARTS = (LAYOUT_FILE, LINKS, VERSIONS, versions.CHAMPION)
"""What a store has some of: a folder without these is none, which is seen at once."""
MAX_URL_LENGTH = 4096
"""Characters of a store's URL in that file at most."""
MAX_FOLDERS = 2000
"""Folders here that are looked into for stores at most."""
MAX_STORES = 10
"""Stores that a message names at most."""


def open_store(url: str | None) -> Store:
    """Return the store at a URL, or for None that of the job that ran last here; where several lie here, say which.

    Raises StoreError where there is none, naming those that lie here.
    """
    if url is None:
        return _last_store()
    store = Store(url)
    if not versions.is_store(store):
        raise StoreError(f"There is no store at {store.address}. {_what_lies_here()}")
    return store


def remember_store(url: str) -> None:
    """Have the commands after this one work on a store, where they name none. No run ends because that fails."""
    with contextlib.suppress(OSError):
        LAST_STORE.write_text(f"{url}\n", encoding="utf-8")


def store_option(store: Store) -> str:
    """Return what a command here must add to work on a store: ` --store URL`, or nothing where it is the last one."""
    in_order = _stores_in_order()
    is_last = in_order and _place(in_order[-1]) == _place(store.url)
    return "" if is_last else f" --store {shlex.quote(store.url)}"


def _last_store() -> Store:
    """The store of the job that ran last here. Raises StoreError where there is none."""
    in_order = _stores_in_order()
    if not in_order:
        raise StoreError(_what_lies_here())
    *others, last = in_order
    if others:
        message = f"regraft: this is the store {last}, where a job ran last. Others here: {_listed(others)}"
        print(printable(message), file=sys.stderr)
    return Store(last)


def _stores_in_order() -> list[str]:
    """The stores that lie here, and the one that is remembered; that of the job that ran last is last."""
    ran_at = {url: _ran_at(Path(url)) for url in _stores_here()}
    with contextlib.suppress(OSError, ValueError):  # none is remembered
        remembered = _remembered()
        remembered = next((url for url in ran_at if _place(url) == _place(remembered)), remembered)
        if remembered in ran_at or (remembered and versions.is_store(Store(remembered))):
            ran_at[remembered] = max(_modified_at(LAST_STORE), ran_at.get(remembered, datetime.min.replace(tzinfo=UTC)))
    return sorted(ran_at, key=lambda url: ran_at[url])


def _remembered() -> str:
    """The store that the last run here was for; "" where none is named. Raises OSError, ValueError."""
    if not LAST_STORE.is_file():  # a pipe would never answer, a device never end
        return ""
    with LAST_STORE.open(encoding="utf-8") as file:
        return file.readline(MAX_URL_LENGTH).strip()


def _place(url: str) -> str:
    """Where a store lies: the same for all paths of one folder, such as `artifacts/` and an absolute one."""
    return os.path.realpath(url)


def _ran_at(folder: Path) -> datetime:
    """When a store's last job ran: the time of its newest version; where there is none, of its folder."""
    times = []
    for path in folder.glob(f"{VERSIONS}/*/{LAST_FILE}"):
        with contextlib.suppress(ValueError):  # no version's name, or one that no clock has made
            times.append(published_at(path.parent.name))
    return max(times, default=_modified_at(folder))


def _modified_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _what_lies_here() -> str:
    """The stores in this folder in a sentence, and what to do."""
    here = _stores_here()
    if here:
        return f"Stores here are: {_listed(here)}. Name one with --store."
    return f"No store lies in {os.getcwd()}: `regraft run` makes one, or name another with --store."


def _listed(urls: list[str]) -> str:
    more = f" and {len(urls) - MAX_STORES} more" if len(urls) > MAX_STORES else ""
    return ", ".join(urls[:MAX_STORES]) + more


def _stores_here() -> list[str]:
    """The stores in this folder, in the folders in it, and in those in them; each once, whatever leads to it."""
    stores = [str(folder) for folder in _folders_here() if _is_store(folder)]
    return list({_place(url): url for url in reversed(stores)}.values())[::-1]


def _folders_here() -> Iterator[Path]:
    """This folder, and up to MAX_FOLDERS in it, two deep; hidden ones are passed over."""
    level, left = [Path()], MAX_FOLDERS
    for _ in range(3):
        yield from level
        level = [inner for folder in level for inner in _visible_folders(folder)][:left]
        left -= len(level)


def _visible_folders(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return sorted(folder / entry.name for entry in entries if entry.name[0] != "." and entry.is_dir())
    return []


def _is_store(folder: Path) -> bool:
    if not any(os.path.exists(folder / name) for name in PARTS):  # of a folder that may not be entered: False
        return False
    try:
        return versions.is_store(Store(str(folder)))
    except StoreError:  # a newer Regraft's, or a damaged one: whoever opens it reads why
        return True
